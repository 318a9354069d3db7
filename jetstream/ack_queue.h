// AckQueue: publishes that the store has taken and that wait until it is safe to say so, in the
// order of their tickets. Entries are plain data; their texts stand in one string behind each
// other, so that in the steady state nothing is allocated. One thread.
#pragma once
#include <deque>
#include <string>
#include <string_view>

#include "jetstream/store/store.h"

namespace pipit::js {

class Stream;

struct PendingAck {
  Stream* stream = nullptr;
  store::Ticket ticket = 0;   // of the message
  store::Ticket through = 0;  // and of what had to go because of it
  uint64_t seq = 0;
  uint64_t bytes = 0;  // that the publish weighs
  uint32_t reply_size = 0, extra_size = 0;
  // What is published again once it is stored; else 0, 0, 0.
  uint32_t subject_size = 0, headers_size = 0, payload_size = 0;
};

// The texts of one entry.
struct AckTexts {
  std::string_view reply;
  std::string_view extra;  // of the ack's JSON, from a comma on
  std::string_view subject, headers, payload;
};

class AckQueue {
 public:
  bool empty() const { return entries_.empty(); }
  // The sizes in `ack` are set here.
  void push(PendingAck ack, const AckTexts& texts) {
    ack.reply_size = static_cast<uint32_t>(texts.reply.size());
    ack.extra_size = static_cast<uint32_t>(texts.extra.size());
    ack.subject_size = static_cast<uint32_t>(texts.subject.size());
    ack.headers_size = static_cast<uint32_t>(texts.headers.size());
    ack.payload_size = static_cast<uint32_t>(texts.payload.size());
    for (const std::string_view text :
         {texts.reply, texts.extra, texts.subject, texts.headers, texts.payload})
      bytes_.append(text);
    entries_.push_back(ack);
  }
  // Requires: not empty.
  PendingAck& front() { return entries_.front(); }
  const PendingAck& front() const { return entries_.front(); }
  AckTexts texts() const {
    const PendingAck& ack = entries_.front();
    std::string_view rest = std::string_view(bytes_).substr(read_);
    const auto next = [&rest](size_t size) {
      const std::string_view text = rest.substr(0, size);
      rest.remove_prefix(size);
      return text;
    };
    AckTexts texts;
    texts.reply = next(ack.reply_size);
    texts.extra = next(ack.extra_size);
    texts.subject = next(ack.subject_size);
    texts.headers = next(ack.headers_size);
    texts.payload = next(ack.payload_size);
    return texts;
  }
  void pop() {
    const PendingAck& ack = entries_.front();
    read_ +=
        ack.reply_size + ack.extra_size + ack.subject_size + ack.headers_size + ack.payload_size;
    entries_.pop_front();
    if (entries_.empty()) {
      if (bytes_.capacity() > kKeep) bytes_ = {};
      bytes_.clear();
      read_ = 0;
    } else if (read_ > bytes_.size() / 2 && read_ > kCompact) {
      bytes_.erase(0, read_);
      read_ = 0;
    }
  }

  std::deque<PendingAck>& entries() { return entries_; }

 private:
  static constexpr size_t kCompact = 64 * 1024, kKeep = 1024 * 1024;

  std::deque<PendingAck> entries_;
  std::string bytes_;
  size_t read_ = 0;  // where front()'s texts begin
};

}  // namespace pipit::js
