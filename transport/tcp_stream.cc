#include "transport/tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pipit::net {
namespace {

constexpr size_t kMaxParts = 1024;  // IOV_MAX of Linux
// What close() throws away at most of what the peer has sent and nobody will read.
constexpr int kDiscardRounds = 16;

// Closing a socket with unread input sends RST, and that may overtake our last words.
void discard_input(int fd) {
  char trash[16 * 1024];
  for (int i = 0; i < kDiscardRounds; ++i) {
    if (recv(fd, trash, sizeof trash, MSG_DONTWAIT) < static_cast<ssize_t>(sizeof trash)) return;
  }
}

}  // namespace

TcpStream::TcpStream(Loop& loop, int fd, PeerAddress peer, std::string read_already)
    : peer_(std::move(peer)), read_already_(std::move(read_already)), fd_(fd) {
  int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (int error = poll_.open(loop.uv(), fd_, &TcpStream::on_poll, this); error != 0) {
    // The loop will never call us: what is written is swallowed, and the owner's own deadlines end
    // the connection.
    failed_errno_ = -error;
  }
}

TcpStream::~TcpStream() { close(0, {}); }

void TcpStream::start(StreamHandler* handler) {
  handler_ = handler;
  reading_ = true;
  extend_interest();
}

void TcpStream::pause_reading() {
  // The watch on input stays until input comes: most pauses are over before that.
  reading_ = false;
}

void TcpStream::resume_reading() {
  if (!live() || input_ended_) return;
  reading_ = true;
  extend_interest();
}

size_t TcpStream::write(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  if (!live() || failed_errno_ != 0) return total;  // on_end() follows or was; nobody shall wait
  if (want_write_ || total == 0) return 0;

  size_t taken = 0;
  while (!parts.empty()) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = std::min(parts.size(), kMaxParts);
    auto batch = parts.first(message.msg_iovlen);
    parts = parts.subspan(batch.size());
    size_t asked = 0;
    for (const iovec& part : batch) asked += part.iov_len;

    ssize_t sent;
    do {
      sent = sendmsg(fd_, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN) {
      failed_errno_ = errno;
      extend_interest();
      return total;
    }
    taken += sent < 0 ? 0 : static_cast<size_t>(sent);
    if (sent < 0 || static_cast<size_t>(sent) < asked) {
      want_write_ = true;  // short: the kernel's buffer is full, no need to ask again
      extend_interest();
      break;
    }
  }
  return taken;
}

void TcpStream::close(uint16_t, std::string_view) {
  if (fd_ < 0) return;
  handler_ = nullptr;
  reading_ = want_write_ = false;
  poll_.close();
  if (!ended_) discard_input(fd_);
  ::close(fd_);
  fd_ = -1;
}

void TcpStream::on_poll(void* self, int events) {
  auto& stream = *static_cast<TcpStream*>(self);
  if (stream.handler_ == nullptr) return stream.poll_.watch(0);  // start() looks again
  bool failed = stream.failed_errno_ != 0;
  if (!stream.read_already_.empty()) {
    stream.read_again();
    if (!stream.live()) return;
  }
  bool drained = true;
  if (stream.reading_ && ((events & UV_READABLE) != 0 || failed)) drained = stream.read_some();
  if (!stream.live()) return;
  if (failed) {
    // What the peer sent before it broke came first, if somebody reads.
    if (drained || !stream.reading_) return stream.end(stream.failed_errno_);
  } else if ((events & UV_WRITABLE) != 0 && stream.want_write_) {
    // The watch on room stays for one more turn: whoever filled the buffer once fills it again.
    stream.want_write_ = false;
    stream.handler_->on_writable();
    if (!stream.live()) return;
  }
  // Level-triggered: never keep watching what nobody wants.
  if ((stream.poll_.watched() & events & ~stream.interest()) != 0) {
    stream.poll_.watch(stream.interest());
  }
  stream.extend_interest();
}

void TcpStream::read_again() {
  size_t used = 0;
  while (used < read_already_.size() && reading_) {
    const std::span<std::byte> room = handler_->on_alloc();
    const size_t n = std::min(room.size(), read_already_.size() - used);
    std::memcpy(room.data(), read_already_.data() + used, n);
    used += n;
    handler_->on_read(n);
    if (!live()) return;
  }
  read_already_.erase(0, used);
  if (read_already_.empty()) read_already_.shrink_to_fit();
}

bool TcpStream::read_some() {
  for (size_t used = 0; used < kReadBudget && reading_;) {
    std::span<std::byte> room = handler_->on_alloc();
    ssize_t got;
    do {
      got = recv(fd_, room.data(), room.size(), 0);
    } while (got < 0 && errno == EINTR);
    int error = got < 0 ? errno : 0;

    handler_->on_read(got > 0 ? static_cast<size_t>(got) : 0);
    if (!live()) return true;
    if (error == EAGAIN) return true;
    if (got == 0 && failed_errno_ == 0) {
      reading_ = false;
      input_ended_ = true;
      handler_->on_end(0, 0, {});
      return true;
    }
    if (got <= 0) {
      end(failed_errno_ != 0 ? failed_errno_ : error);
      return true;
    }
    used += static_cast<size_t>(got);
    // A short read means that there is no more: saves the call that says EAGAIN. An end of file
    // behind it wakes us again.
    if (static_cast<size_t>(got) < room.size()) return true;
  }
  return false;
}

void TcpStream::end(int sys_errno) {
  ended_ = true;
  reading_ = want_write_ = false;
  poll_.close();
  if (!input_ended_) handler_->on_end(sys_errno, 0, std::strerror(sys_errno));
}

int TcpStream::interest() const {
  if (failed_errno_ != 0) return UV_READABLE | UV_WRITABLE;
  // Room to write is what a socket always has to report: it brings on_poll() to what was read.
  const bool owed = reading_ && !read_already_.empty();
  return (reading_ ? UV_READABLE : 0) | (want_write_ || owed ? UV_WRITABLE : 0);
}

void TcpStream::extend_interest() { poll_.watch(poll_.watched() | interest()); }

}  // namespace pipit::net
