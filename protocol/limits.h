// Limits of the wire that are not options. What happens at each stands beside it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pipit::proto {

// A size in a control line has at most this many digits; more is a protocol violation.
inline constexpr size_t kMaxSizeDigits = 9;
// What connections to us may ask for at most, when max_payload is -1.
inline constexpr int64_t kMaxSize = 999'999'999;

}  // namespace pipit::proto
