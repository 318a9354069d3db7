#include "jetstream/go_duration.h"

#include <utility>

namespace pipit::js {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
    {"ns", 1},
    {"us", 1'000},
    {"\xC2\xB5s", 1'000},  // micro sign
    {"\xCE\xBCs", 1'000},  // Greek mu
    {"ms", 1'000'000},
    {"s", kSecond},
    {"m", 60 * kSecond},
    {"h", 3600 * kSecond},
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<uint64_t> unit_of(std::string_view name) {
  for (const auto& [known, ns] : kUnits)
    if (known == name) return ns;
  return std::nullopt;
}

// Takes one number and its unit off `text`; nothing if there is none or it does not fit.
std::optional<uint64_t> take_part(std::string_view& text) {
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  uint64_t whole = 0, fraction = 0;
  double scale = 1;
  bool digits = false;
  for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1), digits = true) {
    if (whole > kLimit / 10) return std::nullopt;
    whole = whole * 10 + static_cast<uint64_t>(text[0] - '0');
    if (whole > kLimit) return std::nullopt;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    // Digits that no longer fit say nothing.
    for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1), digits = true) {
      if (fraction > (kLimit - 10) / 10) continue;
      fraction = fraction * 10 + static_cast<uint64_t>(text[0] - '0');
      scale *= 10;
    }
  }
  size_t size = 0;
  while (size < text.size() && text[size] != '.' && !is_digit(text[size])) ++size;
  const std::optional<uint64_t> unit = unit_of(text.substr(0, size));
  if (!digits || !unit || whole > kLimit / *unit) return std::nullopt;
  text.remove_prefix(size);
  uint64_t ns = whole * *unit;
  if (fraction > 0)
    ns +=
        static_cast<uint64_t>(static_cast<double>(fraction) * (static_cast<double>(*unit) / scale));
  return ns > kLimit ? std::nullopt : std::optional(ns);
}

// `ns` in units of `unit`, without zeros at the end of its fraction.
void append_fraction(std::string& out, uint64_t ns, uint64_t unit) {
  out += std::to_string(ns / unit);
  uint64_t rest = ns % unit;
  if (rest == 0) return;
  out += '.';
  for (uint64_t digit = unit / 10; rest > 0; digit /= 10) {
    out += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
}

}  // namespace

std::optional<int64_t> parse_go_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  uint64_t total = 0;
  while (!text.empty()) {
    const std::optional<uint64_t> part = take_part(text);
    if (!part || total + *part > kLimit) return std::nullopt;
    total += *part;
  }
  if (negative) return static_cast<int64_t>(-total);
  return total < kLimit ? std::optional(static_cast<int64_t>(total)) : std::nullopt;
}

std::string format_go_duration(int64_t ns) {
  if (ns == 0) return "0s";
  std::string out = ns < 0 ? "-" : "";
  const uint64_t span = ns < 0 ? -static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  if (span < kSecond) {
    const size_t unit = span < 1'000 ? 0 : span < 1'000'000 ? 2 : 4;
    append_fraction(out, span, kUnits[unit].second);
    out += kUnits[unit].first;
    return out;
  }
  const uint64_t hours = span / (3600 * kSecond), minutes = span / (60 * kSecond) % 60;
  if (hours > 0) out += std::to_string(hours) + 'h';
  if (hours > 0 || minutes > 0) out += std::to_string(minutes) + 'm';
  append_fraction(out, span % (60 * kSecond), kSecond);
  return out + 's';
}

}  // namespace pipit::js
