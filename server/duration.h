// Durations as Go writes them: "1h30m", "500ms", "2s".
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipit {

// Nanoseconds, or nothing if `text` is no duration or does not fit.
std::optional<int64_t> parse_duration(std::string_view text);

}  // namespace pipit
