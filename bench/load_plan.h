// What the load generator can do to a server, by name.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipit::load {

enum class Kind : uint8_t {
  kFlow,      // publishers send as fast as the subscribers keep up
  kRequest,   // a closed loop of requests and replies
  kInterest,  // many subscriptions, then publishing to random ones of them
  kStream,    // requests to a JetStream stream: publishes, or direct gets
  kIdle,      // many connections with one subscription each that do nothing
};

struct Plan {
  std::string name;
  Kind kind = Kind::kFlow;
  size_t payload_bytes = 16;
  uint32_t publishers = 1;
  uint32_t subscribers = 1;  // each takes all of its subject, but for a queue group
  uint32_t subjects = 1;     // publisher and subscriber i use subject i modulo this
  bool queue_group = false;
  bool single_writes = false;  // one message a send(), as an interactive client does
  bool websocket = false;
  bool deflate = false;
  uint32_t messages_per_frame = 1;        // of a publisher, over WebSocket
  uint32_t outstanding = 1;               // requests
  uint32_t keys = 0;                      // of a stream that keeps the last of each; 0: keeps all
  bool reads = false;                     // of a stream: gets, not publishes
  uint32_t count = 0;                     // subscriptions or connections
  size_t window_bytes = size_t{4} << 20;  // sent on a subject and not yet received
};

std::optional<Plan> find_plan(std::string_view name);
std::vector<std::string> plan_names();

}  // namespace pipit::load
