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

// For whoever makes blocks. A block without a line:
inline constexpr std::string_view kHeaderBegin = "NATS/1.0\r\n\r\n";
inline constexpr std::string_view kHeaderEnd = "\r\n";
// Not empty, printable ASCII, no ':'.
bool is_header_name(std::string_view name);
// No line end and no zero byte.
bool is_header_value(std::string_view value);
// A whole block and nothing behind it: the version line, lines of a name and a value, an empty line.
bool is_header_block(std::string_view block);

}  // namespace pipit::proto
