// Nats-TTL: how long a message lives (ADR-43). A span in Go's notation of at least a second, a
// number of seconds, or "never". Pure functions; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipit::js {

inline constexpr int64_t kTtlNever = -1;

// Whole seconds; 0: none, kTtlNever: not even by the stream's max_age. Nothing if it is no TTL.
// An empty text is none.
std::optional<int64_t> parse_message_ttl(std::string_view text);

// When a message of that time and TTL expires, as store::NewMessage::expires_ns has it. What does
// not fit into the clock wraps around, as nats-server 2.14 has it: 292 years and more are over.
int64_t expires_at(int64_t ts_ns, int64_t ttl_s);

}  // namespace pipit::js
