// The receiving side of a flow: all messages look alike but for their stamp, so that they can be
// checked as fast as they come.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "bench/load_peer.h"
#include "bench/load_publisher.h"

namespace pipit::load {

class Subscriber : public Peer {
 public:
  // Subscribes. Expects stamps that go round 0..image_messages-1 for each publisher; in a queue
  // group other members take some of them, but they still only go forward.
  Subscriber(Loop& loop, const Target& target, const Plan& plan, uint32_t index,
             std::string_view subject, uint32_t image_messages);

  uint64_t messages() const { return messages_; }
  uint64_t order_errors() const { return order_errors_; }

 private:
  void receive(std::string_view bytes) override;
  size_t skippable() const override { return skip_; }
  void skipped(size_t size) override;
  bool starts_message(std::string_view bytes) const;
  size_t take_boundary(std::string_view bytes);
  void check(const char* payload);

  const uint32_t image_messages_;
  const bool queue_group_;
  std::string line_;          // the MSG line that comes with every message
  size_t message_bytes_ = 0;  // with line and CRLF
  std::vector<uint32_t> next_;  // per publisher
  std::string begun_;  // of a message or line that a read has cut before its stamp or end
  size_t skip_ = 0;    // of a message whose stamp has been seen
  uint64_t messages_ = 0, order_errors_ = 0;
};

}  // namespace pipit::load
