// How long a message lives by its own header (Nats-TTL, Nats-Schedule-TTL; ADR-43). Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipit::js {

inline constexpr int64_t kTtlNever = -1;

// Nanoseconds, whole seconds of them: a Go duration of a second or more, or a number of seconds; 0
// for none; kTtlNever for "never" in any case. Longer than an int64 holds is as long as it holds.
// Nothing if the value is something else. (nats-server refuses "0", and takes "00" for none.)
std::optional<int64_t> parse_message_ttl(std::string_view value);

// When a message of that time and TTL expires, as store::NewMessage::expires_ns has it. What does
// not fit into the clock is over at once, as on nats-server.
int64_t expires_at(int64_t ts_ns, int64_t ttl_ns);

}  // namespace pipit::js
