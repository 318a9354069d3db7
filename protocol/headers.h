// Header blocks (ADR-4): "NATS/1.0[ status[ description]]CRLF" then "Key: value CRLF"*, then CRLF.
// The broker forwards blocks as they are; these look-ups serve what the broker itself consumes.
#pragma once
#include <optional>
#include <string_view>

namespace pipit::proto {

// The value of the first line that starts with `key` (case-sensitive) and ':'; blanks around the
// value are dropped. Nothing if there is none or the block is malformed.
std::optional<std::string_view> header_value(std::string_view block, std::string_view key);
// The status digits of the first line ("503"), empty if there are none.
std::string_view header_status(std::string_view block);

}  // namespace pipit::proto
