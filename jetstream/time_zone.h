// TimeZone: when a zone's clocks stand how far from UTC, from the compiled form (TZif, RFC 8536)
// that systems keep in /usr/share/zoneinfo. Immutable once parsed; any thread. Reads no file
// itself. All times are seconds since 1970, UTC.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pipit::js {

class TimeZone {
 public:
  // UTC.
  TimeZone() = default;
  // Nothing if `tzif` is malformed.
  static std::optional<TimeZone> parse(std::string_view tzif);

  struct Span {
    int32_t utc_offset_s = 0;  // east is positive
    int64_t until = 0;         // the first second that may have another offset
  };
  // The offset at `time`, and how long it lasts at least; always beyond `time`.
  Span at(int64_t time) const;

 private:
  // A day of the year and a time of that day when clocks change, of the footer's rules.
  struct Change {
    enum class Kind : uint8_t { weekday_of_month, julian_without_leap_day, day_of_year };
    Kind kind = Kind::weekday_of_month;
    int64_t month = 1, week = 1, weekday = 0;  // week 5 is the last
    int64_t day = 0;
    int64_t time_s = 7200;
    int64_t seconds_into(int64_t year) const;  // since the year began, local time before the change
  };
  // What holds after the last transition of the table.
  struct Rule {
    int32_t standard_s = 0, summer_s = 0;
    bool has_summer = false;
    Change summer_begins, summer_ends;
  };
  struct Transition {
    int64_t time;
    int32_t utc_offset_s;  // from then on
  };

  static bool parse_rule(std::string_view text, Rule& rule);
  static bool parse_change(std::string_view& text, Change& change);
  Span by_rule(int64_t time) const;

  int32_t first_offset_s_ = 0;  // before the first transition
  std::vector<Transition> transitions_;
  std::optional<Rule> rule_;
};

// May a zone be called that? What names it is part of a path, so nothing that leaves the folder:
// letters, digits and "+-_/" only, no part empty.
bool is_time_zone_name(std::string_view name);

}  // namespace pipit::js
