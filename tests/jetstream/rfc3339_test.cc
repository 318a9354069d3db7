// Times in text: what Go's time.Parse takes and the words in which it refuses, both seen from
// nats-server 2.14.5 (Go 1.26).
#include "jetstream/rfc3339.h"

#include <doctest/doctest.h>

#include <limits>

using namespace pipit::js;

namespace {

std::string fault_of(std::string_view text) {
  std::string fault;
  CHECK_FALSE(parse_rfc3339(text, fault).has_value());
  return fault;
}

std::string round_trip(std::string_view text) {
  std::string fault;
  const auto time = parse_rfc3339(text, fault);
  CHECK(fault == "");
  return time ? format_rfc3339(*time) : "";
}

}  // namespace

TEST_CASE("a time keeps its offset and loses the zeros behind its fraction") {
  CHECK(round_trip("2024-01-01T00:00:00.500+02:00") == "2024-01-01T00:00:00.5+02:00");
  CHECK(round_trip("2024-02-29T23:59:59.999999999-12:30") == "2024-02-29T23:59:59.999999999-12:30");
  CHECK(round_trip("2024-01-01T00:00:00+00:00") == "2024-01-01T00:00:00Z");
  CHECK(round_trip("0001-01-01T00:00:00Z") == kZeroTime);
  CHECK(round_trip("2024-01-01T1:02:03,25Z") == "2024-01-01T01:02:03.25Z");
  CHECK(round_trip("2024-01-01T00:00:00.0000000009Z") == "2024-01-01T00:00:00Z");
}

TEST_CASE("what is no time is refused in Go's words") {
  CHECK(fault_of("abc") ==
        R"(parsing time "abc" as "2006-01-02T15:04:05Z07:00": cannot parse "abc" as "2006")");
  CHECK(fault_of("") ==
        R"(parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006")");
  CHECK(fault_of("2024/01") ==
        R"(parsing time "2024/01" as "2006-01-02T15:04:05Z07:00": cannot parse "/01" as "-")");
  CHECK(fault_of("2024-13-01T00:00:00Z") ==
        R"(parsing time "2024-13-01T00:00:00Z": month out of range)");
  CHECK(fault_of("2023-02-29T00:00:00Z") ==
        R"(parsing time "2023-02-29T00:00:00Z": day out of range)");
  CHECK(fault_of("2024-01-01T25:00:00Z") ==
        R"(parsing time "2024-01-01T25:00:00Z": hour out of range)");
  CHECK(
      fault_of("2024-01-01T00:00:00") ==
      R"(parsing time "2024-01-01T00:00:00" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "Z07:00")");
  CHECK(fault_of("2024-01-01T00:00:00Zx") ==
        R"(parsing time "2024-01-01T00:00:00Zx": extra text: "x")");
  CHECK(fault_of("\xC3\"") ==
        R"(parsing time "\xc3\"" as "2006-01-02T15:04:05Z07:00": cannot parse "\xc3\"" as "2006")");
}

TEST_CASE("nanoseconds since 1970 print at both ends of their range") {
  CHECK(format_unix_ns(0) == kZeroTime);
  CHECK(format_unix_ns(1) == "1970-01-01T00:00:00.000000001Z");
  CHECK(format_unix_ns(-1) == "1969-12-31T23:59:59.999999999Z");
  CHECK(format_unix_ns(std::numeric_limits<int64_t>::max()) == "2262-04-11T23:47:16.854775807Z");
  CHECK(format_unix_ns(std::numeric_limits<int64_t>::min()) == "1677-09-21T00:12:43.145224192Z");
}

TEST_CASE("a time outside that range becomes its end") {
  CHECK(Timestamp{-62'135'596'800, 0, 0}.unix_ns() == std::numeric_limits<int64_t>::min());
  CHECK(Timestamp{253'402'300'799, 0, 0}.unix_ns() == std::numeric_limits<int64_t>::max());
  CHECK(timestamp_utc(-1).unix_ns() == -1);
}

TEST_CASE("days and dates turn into each other over two thousand years") {
  int64_t expected = days_from_civil(1, 1, 1);
  CHECK(expected == -719'162);
  for (int64_t year = 1; year <= 2400; ++year)
    for (int64_t month = 1; month <= 12; ++month) {
      const int64_t days = days_in_month(year, month);
      REQUIRE(days_from_civil(year, month, 1) == expected);
      const CivilDate last = civil_from_days(expected + days - 1);
      REQUIRE(last.year == year);
      REQUIRE(last.month == month);
      REQUIRE(last.day == days);
      expected += days;
    }
}
