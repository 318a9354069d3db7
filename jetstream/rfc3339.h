// Points in time as JetStream's JSON and headers write them: RFC 3339 with up to nanoseconds,
// trailing zeros trimmed. Year 1 is Go's zero time and stands for "none". Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pipit::js {

// A point in time and the offset from UTC that it was written with.
struct Timestamp {
  int64_t seconds = 0;       // since 1970, UTC
  int32_t nanos = 0;         // 0 to 999,999,999
  int32_t utc_offset_s = 0;  // east is positive

  bool operator==(const Timestamp&) const = default;
  // Nanoseconds since 1970; times out of range become the nearest that is in it (1677 to 2262).
  int64_t unix_ns() const;
  // The same, but times out of range become what is left of them in 64 bits, as in Go.
  int64_t wrapped_unix_ns() const {
    return static_cast<int64_t>(static_cast<uint64_t>(seconds) * 1'000'000'000 +
                                static_cast<uint64_t>(nanos));
  }
};

Timestamp timestamp_utc(int64_t unix_ns);
inline constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

std::string format_rfc3339(const Timestamp& time);
// 0 is Go's zero time: kZeroTime.
std::string format_unix_ns(int64_t unix_ns);

// Parses as Go's time.Parse(time.RFC3339Nano) does, which takes an hour of one digit and a comma
// before the fraction too. On failure `fault` says why in Go's words.
std::optional<Timestamp> parse_rfc3339(std::string_view text, std::string& fault);

// Days since 1970-01-01 of a day in the Gregorian calendar; months from 1.
int64_t days_from_civil(int64_t year, int64_t month, int64_t day);
struct CivilDate {
  int64_t year, month, day;
};
CivilDate civil_from_days(int64_t days);
int64_t days_in_month(int64_t year, int64_t month);

}  // namespace pipit::js
