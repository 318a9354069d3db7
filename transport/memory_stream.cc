#include "transport/memory_stream.h"

#include <algorithm>
#include <cstring>

namespace pipit::net {

void MemoryStream::feed(std::string_view bytes) {
  if (closed_ || peer_gone_) return;
  inbox_.append(bytes);
  pump();
}

void MemoryStream::end(int sys_errno) {
  if (peer_gone_) return;
  peer_gone_ = true;
  end_errno_ = sys_errno;
  pump();
}

void MemoryStream::allow(size_t bytes) {
  room_ = bytes;
  if (room_ == 0 || !starved_ || handler_ == nullptr) return;
  starved_ = false;
  handler_->on_writable();
}

size_t MemoryStream::write(std::span<const iovec> parts) {
  size_t taken = 0;
  for (const iovec& part : parts) {
    size_t count = std::min(part.iov_len, room_);
    if (!closed_ && !gone()) {
      written_.append(static_cast<const char*>(part.iov_base), count);
    } else {
      count = part.iov_len;  // swallowed, as a socket does: nobody waits for it
    }
    taken += count;
    if (count < part.iov_len) {
      starved_ = true;
      room_ = 0;
      break;
    }
    if (!closed_ && !gone() && room_ != SIZE_MAX) room_ -= count;
  }
  return taken;
}

void MemoryStream::resume_reading() {
  if (closed_ || ended_) return;
  reading_ = true;
  pump();
}

void MemoryStream::start(StreamHandler* handler) {
  handler_ = handler;
  reading_ = true;
  pump();
}

void MemoryStream::close(uint16_t code, std::string_view why) {
  if (closed_) return;
  closed_ = true;
  close_code_ = code;
  close_text_ = why;
  handler_ = nullptr;
  reading_ = starved_ = false;
  inbox_.clear();
  inbox_read_ = 0;
}

void MemoryStream::pump() {
  if (pumping_) return;  // fed from inside a callback: the loop below goes on
  pumping_ = true;
  while (reading_ && handler_ != nullptr && inbox_read_ < inbox_.size()) {
    std::span<std::byte> room = handler_->on_alloc();
    size_t count = std::min(room.size(), inbox_.size() - inbox_read_);
    std::memcpy(room.data(), inbox_.data() + inbox_read_, count);
    inbox_read_ += count;
    if (inbox_read_ == inbox_.size()) {
      inbox_.clear();
      inbox_read_ = 0;
    }
    handler_->on_read(count);
  }
  if (reading_ && handler_ != nullptr && peer_gone_ && !ended_) {
    ended_ = true;
    reading_ = false;
    if (gone()) starved_ = false;
    handler_->on_end(end_errno_, 0, end_errno_ != 0 ? std::strerror(end_errno_) : "");
  }
  pumping_ = false;
}

}  // namespace pipit::net
