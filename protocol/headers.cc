#include "protocol/headers.h"

#include <algorithm>

namespace pipit::proto {
namespace {

constexpr std::string_view kVersion = "NATS/1.0";

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes the next line off `block`, without its CRLF. Nothing if no line ends there.
std::optional<std::string_view> take_line(std::string_view& block) {
  const size_t end = block.find("\r\n");
  if (end == block.npos) return std::nullopt;
  const std::string_view line = block.substr(0, end);
  block.remove_prefix(end + 2);
  return line;
}

// Takes the version line off `block`: what stands behind the version.
std::optional<std::string_view> take_version(std::string_view& block) {
  const auto line = take_line(block);
  if (!line || !line->starts_with(kVersion)) return std::nullopt;
  const std::string_view rest = line->substr(kVersion.size());
  if (!rest.empty() && !is_blank(rest.front())) return std::nullopt;
  return trim(rest);
}

}  // namespace

std::optional<std::string_view> header_value(std::string_view block, std::string_view key) {
  if (key.empty() || !take_version(block)) return std::nullopt;
  while (const auto line = take_line(block)) {
    if (line->empty()) return std::nullopt;  // the end of the block
    if (line->size() > key.size() && line->starts_with(key) && (*line)[key.size()] == ':')
      return trim(line->substr(key.size() + 1));
  }
  return std::nullopt;
}

std::string_view header_status(std::string_view block) {
  const auto rest = take_version(block);
  if (!rest) return {};
  size_t digits = 0;
  while (digits < rest->size() && (*rest)[digits] >= '0' && (*rest)[digits] <= '9') ++digits;
  return rest->substr(0, digits);
}

bool is_header_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

bool is_header_value(std::string_view value) {
  return value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos;
}

bool is_header_block(std::string_view block) {
  if (!take_version(block)) return false;
  while (const auto line = take_line(block)) {
    if (line->empty()) return block.empty();
    const size_t colon = line->find(':');
    if (colon == line->npos || !is_header_name(line->substr(0, colon)) ||
        !is_header_value(line->substr(colon + 1)))
      return false;
  }
  return false;
}

}  // namespace pipit::proto
