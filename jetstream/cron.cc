#include "jetstream/cron.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <string>

#include "jetstream/rfc3339.h"

namespace pipit::js {
namespace {

constexpr int64_t kYearsAhead = 5;
constexpr int64_t kDay = 86'400;

// A set of numbers up to 59; `any` says that it was written as a star.
struct Field {
  uint64_t bits = 0;
  bool any = false;
  bool has(int64_t n) const { return (bits >> n & 1) != 0; }
};

struct Bounds {
  uint64_t low, high;
  std::span<const std::string_view> names = {};  // of `low` and what follows
};

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                        "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view kWeekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

bool parse_number(std::string_view text, uint64_t& out) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool parse_number_or_name(std::string_view text, const Bounds& bounds, uint64_t& out) {
  for (size_t i = 0; i < bounds.names.size(); ++i)
    if (std::ranges::equal(text, bounds.names[i],
                           [](char a, char b) { return static_cast<char>(a | 0x20) == b; })) {
      out = bounds.low + i;
      return true;
    }
  return parse_number(text, out);
}

// "*", "?", "n", "n-m", each with "/step" or without.
bool parse_range(std::string_view text, const Bounds& bounds, Field& field) {
  const size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  const size_t hyphen = range.find('-');
  const std::string_view first = range.substr(0, hyphen);
  const bool single = hyphen == std::string_view::npos;
  uint64_t start = bounds.low, end = bounds.high, step = 1;
  bool any = first == "*" || first == "?";
  if (!any) {
    if (!parse_number_or_name(first, bounds, start)) return false;
    end = start;
    if (!single && !parse_number_or_name(range.substr(hyphen + 1), bounds, end)) return false;
  }
  if (slash != std::string_view::npos) {
    if (!parse_number(text.substr(slash + 1), step) || step == 0) return false;
    if (single) end = bounds.high;
    any = any && step == 1;
  }
  if (start < bounds.low || end > bounds.high || start > end) return false;
  for (uint64_t n = start; n <= end; n += std::min<uint64_t>(step, 64))
    field.bits |= uint64_t{1} << n;
  field.any = field.any || any;
  return true;
}

// False, too, if nothing is left: such a pattern never comes true.
bool parse_field(std::string_view text, const Bounds& bounds, Field& field) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(','), text.size());
    if (end > 0 && !parse_range(text.substr(0, end), bounds, field)) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return field.bits != 0;
}

struct Pattern {
  Field second, minute, hour, day, month, weekday;

  bool parse(std::string_view text) {
    const std::pair<Field*, Bounds> fields[] = {
        {&second, {0, 59}}, {&minute, {0, 59}},         {&hour, {0, 23}},
        {&day, {1, 31}},    {&month, {1, 12, kMonths}}, {&weekday, {0, 6, kWeekdays}},
    };
    constexpr std::string_view kBlanks = " \t\n\v\f\r";
    for (const auto& [field, bounds] : fields) {
      text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
      const size_t end = std::min(text.find_first_of(kBlanks), text.size());
      if (!parse_field(text.substr(0, end), bounds, *field)) return false;
      text.remove_prefix(end);
    }
    return text.find_first_not_of(kBlanks) == std::string_view::npos;
  }

  // Where both days are restricted, either will do.
  bool takes_day(int64_t day_of_month, int64_t days) const {
    const bool by_month = day.has(day_of_month);
    const bool by_week = weekday.has(((days + 4) % 7 + 7) % 7);
    return day.any || weekday.any ? by_month && by_week : by_month || by_week;
  }
};

}  // namespace

std::optional<int64_t> next_cron_time(std::string_view text, const TimeZone& zone, int64_t time) {
  Pattern pattern;
  if (!pattern.parse(text)) return std::nullopt;
  int64_t at = time + 1;
  std::optional<int64_t> last_year;
  for (;;) {
    const TimeZone::Span span = zone.at(at);
    const int64_t local = at + span.utc_offset_s;
    const int64_t days = local / kDay - (local % kDay < 0 ? 1 : 0);
    const int64_t second_of_day = local - days * kDay;
    const CivilDate date = civil_from_days(days);
    if (!last_year) last_year = date.year + kYearsAhead;
    if (date.year > *last_year) return std::nullopt;

    int64_t step = 0;  // to the end of what does not match
    if (!pattern.month.has(date.month)) {
      step = (days_in_month(date.year, date.month) - date.day + 1) * kDay - second_of_day;
    } else if (!pattern.takes_day(date.day, days)) {
      step = kDay - second_of_day;
    } else if (!pattern.hour.has(second_of_day / 3600)) {
      step = 3600 - second_of_day % 3600;
    } else if (!pattern.minute.has(second_of_day / 60 % 60)) {
      step = 60 - second_of_day % 60;
    } else if (!pattern.second.has(second_of_day % 60)) {
      step = 1;
    } else {
      return at;
    }
    // The clocks may change on the way.
    at = std::min(at + step, span.until);
  }
}

}  // namespace pipit::js
