#include "jetstream/time_zone.h"

#include <algorithm>
#include <limits>

#include "jetstream/rfc3339.h"

namespace pipit::js {
namespace {

constexpr int64_t kForever = std::numeric_limits<int64_t>::max();
constexpr int64_t kDay = 86'400;
constexpr int32_t kOffsetMax = 26 * 3600;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }

// Big-endian numbers off the front of a text; `ok` turns false where it ends too early.
class Bytes {
 public:
  explicit Bytes(std::string_view text) : rest_(text) {}
  std::string_view take(size_t count) {
    if (count > rest_.size()) {
      ok = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  int64_t number(size_t bytes) {
    const std::string_view taken = take(bytes);
    if (taken.empty()) return 0;
    uint64_t value = static_cast<signed char>(taken[0]) < 0 ? ~uint64_t{0} : 0;
    for (const char c : taken) value = value << 8 | static_cast<unsigned char>(c);
    return static_cast<int64_t>(value);
  }
  std::string_view rest() const { return rest_; }
  bool ok = true;

 private:
  std::string_view rest_;
};

struct Header {
  char version = 0;
  size_t is_ut, is_std, leaps, times, types, letters;
};

bool read_header(Bytes& bytes, Header& header) {
  if (bytes.take(4) != "TZif") return false;
  const std::string_view version = bytes.take(16);
  for (size_t* count : {&header.is_ut, &header.is_std, &header.leaps, &header.times, &header.types,
                        &header.letters}) {
    const int64_t value = bytes.number(4);
    if (value < 0) return false;
    *count = static_cast<size_t>(value);
  }
  if (bytes.ok) header.version = version[0];
  return bytes.ok && header.types > 0 && header.types <= 256;
}

int64_t year_of(int64_t time) {
  return civil_from_days(time / kDay - (time % kDay < 0 ? 1 : 0)).year;
}

constexpr bool is_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

// Sunday is 0.
int64_t weekday_of(int64_t days) { return ((days + 4) % 7 + 7) % 7; }

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& text, int64_t low, int64_t high, int64_t& out) {
  if (text.empty() || !is_digit(text[0])) return false;
  out = 0;
  for (; !text.empty() && is_digit(text[0]); text.remove_prefix(1)) {
    out = out * 10 + (text[0] - '0');
    if (out > high) return false;
  }
  return out >= low;
}

// "[+-]hh[:mm[:ss]]" in seconds.
bool take_clock(std::string_view& text, int64_t& seconds) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  int64_t hours = 0, minutes = 0, rest = 0;
  if (!take_number(text, 0, 167, hours)) return false;
  if (take(text, ':') && !take_number(text, 0, 59, minutes)) return false;
  if (take(text, ':') && !take_number(text, 0, 59, rest)) return false;
  seconds = (hours * 3600 + minutes * 60 + rest) * (negative ? -1 : 1);
  return true;
}

// "CET" or "<+03>".
bool take_abbreviation(std::string_view& text) {
  if (take(text, '<')) {
    const size_t end = text.find('>');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
    return true;
  }
  size_t size = 0;
  while (size < text.size() && is_letter(text[size])) ++size;
  text.remove_prefix(size);
  return size >= 3;
}

}  // namespace

// "Mm.w.d", "Jn" or "n", and "/time" if it is not two o'clock.
bool TimeZone::parse_change(std::string_view& text, Change& change) {
  if (take(text, 'M')) {
    change.kind = Change::Kind::weekday_of_month;
    if (!take_number(text, 1, 12, change.month) || !take(text, '.') ||
        !take_number(text, 1, 5, change.week) || !take(text, '.') ||
        !take_number(text, 0, 6, change.weekday))
      return false;
  } else {
    const bool julian = take(text, 'J');
    change.kind = julian ? Change::Kind::julian_without_leap_day : Change::Kind::day_of_year;
    if (!take_number(text, julian ? 1 : 0, 365, change.day)) return false;
  }
  return !take(text, '/') || take_clock(text, change.time_s);
}

// A POSIX TZ string: "CET-1CEST,M3.5.0,M10.5.0/3". Its offsets count west.
bool TimeZone::parse_rule(std::string_view text, Rule& rule) {
  int64_t west = 0;
  if (!take_abbreviation(text) || !take_clock(text, west)) return false;
  rule.standard_s = static_cast<int32_t>(-west);
  if (text.empty()) return true;
  west -= 3600;
  if (!take_abbreviation(text)) return false;
  if (!text.starts_with(',') && !take_clock(text, west)) return false;
  rule.summer_s = static_cast<int32_t>(-west);
  rule.has_summer = true;
  return take(text, ',') && parse_change(text, rule.summer_begins) && take(text, ',') &&
         parse_change(text, rule.summer_ends) && text.empty();
}

std::optional<TimeZone> TimeZone::parse(std::string_view tzif) {
  Bytes bytes(tzif);
  Header header;
  if (!read_header(bytes, header)) return std::nullopt;
  size_t width = 4;
  if (header.version >= '2') {
    // The same again in 64 bits follows what is there for old readers.
    bytes.take(header.times * 5 + header.types * 6 + header.letters + header.leaps * 8 +
               header.is_std + header.is_ut);
    if (!read_header(bytes, header)) return std::nullopt;
    width = 8;
  }
  if (header.times > tzif.size()) return std::nullopt;
  TimeZone zone;
  for (size_t i = 0; i < header.times; ++i) zone.transitions_.push_back({bytes.number(width), 0});
  const std::string_view kinds = bytes.take(header.times);
  std::vector<int32_t> offsets;
  for (size_t i = 0; i < header.types; ++i) {
    offsets.push_back(static_cast<int32_t>(bytes.number(4)));
    bytes.take(2);
    if (offsets.back() < -kOffsetMax || offsets.back() > kOffsetMax) return std::nullopt;
  }
  bytes.take(header.letters + header.leaps * (width + 4) + header.is_std + header.is_ut);
  if (!bytes.ok) return std::nullopt;
  for (size_t i = 0; i < header.times; ++i) {
    const auto kind = static_cast<unsigned char>(kinds[i]);
    if (kind >= offsets.size() ||
        (i > 0 && zone.transitions_[i].time <= zone.transitions_[i - 1].time))
      return std::nullopt;
    zone.transitions_[i].utc_offset_s = offsets[kind];
  }
  zone.first_offset_s_ = offsets[0];
  std::string_view footer = bytes.rest();
  if (width == 8 && take(footer, '\n')) {
    footer = footer.substr(0, footer.find('\n'));
    Rule rule;
    if (!footer.empty() && !parse_rule(footer, rule)) return std::nullopt;
    if (!footer.empty()) zone.rule_ = rule;
  }
  return zone;
}

int64_t TimeZone::Change::seconds_into(int64_t year) const {
  const int64_t new_year = days_from_civil(year, 1, 1);
  if (kind == Kind::day_of_year) return day * kDay + time_s;
  if (kind == Kind::julian_without_leap_day)
    return (day - 1 + (is_leap(year) && day >= 60 ? 1 : 0)) * kDay + time_s;
  const int64_t first = days_from_civil(year, month, 1);
  int64_t at = first + (weekday - weekday_of(first) + 7) % 7 + (week - 1) * 7;
  if (at >= first + days_in_month(year, month)) at -= 7;
  return (at - new_year) * kDay + time_s;
}

TimeZone::Span TimeZone::by_rule(int64_t time) const {
  if (!rule_->has_summer) return {rule_->standard_s, kForever};
  // The changes of the years around it, in order; what came before the first is found from them.
  const int64_t year = year_of(time);
  std::vector<Transition> changes;
  for (int64_t y = year - 1; y <= year + 1; ++y) {
    const int64_t new_year = days_from_civil(y, 1, 1) * kDay;
    changes.push_back(
        {new_year + rule_->summer_begins.seconds_into(y) - rule_->standard_s, rule_->summer_s});
    changes.push_back(
        {new_year + rule_->summer_ends.seconds_into(y) - rule_->summer_s, rule_->standard_s});
  }
  std::ranges::stable_sort(changes, {}, &Transition::time);
  const auto next = std::ranges::upper_bound(changes, time, {}, &Transition::time);
  const int32_t offset =
      next == changes.begin()
          ? (next->utc_offset_s == rule_->summer_s ? rule_->standard_s : rule_->summer_s)
          : std::prev(next)->utc_offset_s;
  return {offset, next == changes.end() ? time + kDay : next->time};
}

TimeZone::Span TimeZone::at(int64_t time) const {
  const auto next = std::ranges::upper_bound(transitions_, time, {}, &Transition::time);
  if (next == transitions_.end()) {
    if (rule_) return by_rule(time);
    return {transitions_.empty() ? first_offset_s_ : transitions_.back().utc_offset_s, kForever};
  }
  return {next == transitions_.begin() ? first_offset_s_ : std::prev(next)->utc_offset_s,
          next->time};
}

bool is_time_zone_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name.front() == '/' || name.back() == '/' ||
      name.find("//") != std::string_view::npos)
    return false;
  return std::ranges::all_of(name, [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '_' || c == '/';
  });
}

}  // namespace pipit::js
