#include "bench/load_subscriber.h"

#include <algorithm>
#include <cstring>

#include "bench/load_report.h"

namespace pipit::load {

Subscriber::Subscriber(Loop& loop, const Target& target, const Plan& plan, uint32_t index,
                       std::string_view subject, uint32_t image_messages)
    : Peer(loop, target, plan),
      image_messages_(image_messages),
      queue_group_(plan.queue_group),
      next_(plan.publishers, 0) {
  const std::string sid = std::to_string(index + 1);
  line_ = "MSG ";
  line_.append(subject).append(" ").append(sid).append(" ");
  line_ += std::to_string(plan.payload_bytes) + "\r\n";
  message_bytes_ = line_.size() + plan.payload_bytes + 2;
  std::string text = "SUB ";
  say(text.append(subject).append(queue_group_ ? " workers " : " ").append(sid).append("\r\n"));
  fence();
}

bool Subscriber::starts_message(std::string_view bytes) const {
  return bytes.size() >= line_.size() + sizeof(Stamp) &&
         std::memcmp(bytes.data(), line_.data(), line_.size()) == 0;
}

void Subscriber::check(const char* payload) {
  Stamp stamp;
  std::memcpy(&stamp, payload, sizeof stamp);
  if (stamp.publisher >= next_.size() || stamp.number >= image_messages_)
    fail("a payload is not what was published");
  uint32_t& next = next_[stamp.publisher];
  const uint32_t ahead = (stamp.number + image_messages_ - next) % image_messages_;
  if (ahead > (queue_group_ ? image_messages_ / 2 : 0)) ++order_errors_;
  next = (stamp.number + 1) % image_messages_;
}

void Subscriber::skipped(size_t size) {
  skip_ -= size;
  if (skip_ == 0) ++messages_;
}

// Collects what a read has cut, and gives back how many of `bytes` that took.
size_t Subscriber::take_boundary(std::string_view bytes) {
  const size_t head = line_.size() + sizeof(Stamp);
  size_t used = 0;
  while (used < bytes.size()) {
    begun_ += bytes[used++];
    const bool message = line_.compare(0, begun_.size(), begun_, 0, line_.size()) == 0;
    if (message && begun_.size() == head) {
      check(begun_.data() + line_.size());
      skip_ = message_bytes_ - head;
      begun_.clear();
      break;
    }
    if (!message && begun_.ends_with('\n')) {
      if (begun_.starts_with("MSG") || begun_.starts_with("HMSG")) fail("alien: " + begun_);
      control(begun_);
      begun_.clear();
      break;
    }
  }
  return used;
}

void Subscriber::receive(std::string_view bytes) {
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const size_t size = std::min(skip_, bytes.size());
      bytes.remove_prefix(size);
      skipped(size);
      continue;
    }
    if (begun_.empty() && starts_message(bytes)) {
      check(bytes.data() + line_.size());
      if (bytes.size() >= message_bytes_) {
        if (std::memcmp(bytes.data() + message_bytes_ - 2, "\r\n", 2) != 0)
          fail("a message does not end where it should");
        bytes.remove_prefix(message_bytes_);
        ++messages_;
      } else {
        skip_ = message_bytes_ - bytes.size();
        return;
      }
      continue;
    }
    bytes.remove_prefix(take_boundary(bytes));
  }
}

}  // namespace pipit::load
