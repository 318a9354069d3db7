#include "server/duration.h"

#include <array>
#include <cmath>
#include <utility>

namespace pipit {

std::optional<int64_t> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 8> kUnits = {{{"ns", 1},
                                                                          {"us", 1e3},
                                                                          {"\u00b5s", 1e3},
                                                                          {"\u03bcs", 1e3},
                                                                          {"ms", 1e6},
                                                                          {"s", 1e9},
                                                                          {"m", 60e9},
                                                                          {"h", 3600e9}}};
  double sign = 1;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') sign = -1;
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  double sum = 0;
  while (!text.empty()) {
    double number = 0, scale = 1;
    size_t used = 0, digits = 0;
    bool fraction = false;
    for (; used < text.size(); ++used) {
      const char c = text[used];
      if (c == '.' && !fraction) {
        fraction = true;
      } else if (c >= '0' && c <= '9') {
        ++digits;
        if (fraction) scale /= 10;
        number = fraction ? number + (c - '0') * scale : number * 10 + (c - '0');
      } else {
        break;
      }
    }
    if (digits == 0) return std::nullopt;
    text.remove_prefix(used);
    double factor = 0;
    // "ms" before "m" and "s": the longest name that fits.
    size_t longest = 0;
    for (const auto& [name, ns] : kUnits)
      if (text.starts_with(name) && name.size() > longest) {
        longest = name.size();
        factor = ns;
      }
    if (longest == 0) return std::nullopt;
    text.remove_prefix(longest);
    sum += number * factor;
  }
  if (sum >= 9223372036854775808.0) return std::nullopt;  // 2^63
  return static_cast<int64_t>(std::llround(sign * sum));
}

}  // namespace pipit
