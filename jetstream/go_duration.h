// Spans of time in Go's notation ("1h30m", "250ms"): what the headers Nats-TTL and Nats-Schedule
// carry and error texts print. Nanoseconds. Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pipit::js {

// As Go's time.ParseDuration: a sign, then numbers with a unit each (ns us µs ms s m h); "0" needs
// none. Nothing if it is something else or does not fit.
std::optional<int64_t> parse_go_duration(std::string_view text);
// As Go's Duration.String: "2m0s", "1.5s", "100ms", "0s".
std::string format_go_duration(int64_t ns);

}  // namespace pipit::js
