// The sending side of a flow: an image of many messages, made once, sent again and again.
//
// Making messages while sending them would make the generator the bottleneck. So each payload
// begins with its publisher and its number within the image, and the subscriber expects the numbers
// to come round and round; with the count of all messages that leaves no loss or swap unseen.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "bench/load_peer.h"

namespace pipit::load {

struct Stamp {
  uint32_t number;  // within the image
  uint32_t publisher;
};

std::string stamped_payload(size_t size, Stamp stamp);
std::string publish_line(std::string_view subject, std::string_view reply, size_t payload_bytes);

struct Image {
  std::string bytes;
  std::vector<size_t> unit_ends;  // a unit is what must not be cut: a message, or a frame
  uint32_t messages = 0;
  uint32_t messages_per_unit = 1;
  int memory_file = -1;  // of large messages, which are sent without a copy

  // message(i) gives the protocol text of message i. At least `least` messages.
  Image(const Plan& plan, uint32_t least, const std::function<std::string(uint32_t)>& message);
  ~Image();
  Image(const Image&) = delete;
};

class Publisher : public MessagePeer {
 public:
  Publisher(Loop& loop, const Target& target, const Plan& plan, const Image& image);

  // Sends some if it may. False if the socket is full or everything is sent.
  bool push();
  // To the end of the message or frame that is half sent, no further.
  void stop();
  void go_on() { stop_at_ = kNever; }
  bool stopped() const { return sent_ >= stop_at_; }
  uint64_t messages() const { return laps_ * image_.messages + unit_ * image_.messages_per_unit; }

 private:
  static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();
  bool may_speak() const override { return offset_ == unit_start(); }
  size_t unit_start() const { return unit_ == 0 ? 0 : image_.unit_ends[unit_ - 1]; }

  const Image& image_;
  const bool single_writes_;
  uint64_t laps_ = 0, sent_ = 0, stop_at_ = kNever;
  size_t offset_ = 0, unit_ = 0;
};

}  // namespace pipit::load
