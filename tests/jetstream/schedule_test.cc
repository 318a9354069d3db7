// When schedules are due.
#include "jetstream/schedule.h"

#include <doctest/doctest.h>

#include "jetstream/rfc3339.h"
#include "tests/jetstream/zones.h"

using namespace pipit::js;

namespace {

int64_t ns(std::string_view time) {
  std::string fault;
  const auto parsed = parse_rfc3339(time, fault);
  CHECK(fault == "");
  return parsed ? parsed->unix_ns() : 0;
}

// "+" behind the time: it repeats.
std::string due(std::string_view pattern, std::string_view from, std::string_view now = {},
                const TimeZone* zone = nullptr) {
  const auto time = next_schedule(pattern, zone, ns(from), ns(now.empty() ? from : now));
  if (!time) return "none";
  return format_rfc3339(timestamp_utc(time->at_ns)) + (time->repeats ? "+" : "");
}

}  // namespace

TEST_CASE("@at is once, also when its time has passed") {
  CHECK(due("@at 2024-05-01T10:00:00.5+02:00", "2024-01-01T00:00:00Z") == "2024-05-01T08:00:00.5Z");
  CHECK(due("@at 2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z") == "2020-01-01T00:00:00Z");
  for (const std::string_view pattern :
       {"@at", "@at ", "@at x", "@at  2024-01-01T00:00:00Z", "@AT 2024-01-01T00:00:00Z"})
    CHECK(due(pattern, "2024-01-01T00:00:00Z") == "none");
}

TEST_CASE("@every counts from the nearest second, and once for all that was missed") {
  CHECK(due("@every 90s", "2024-01-01T00:00:00.4Z") == "2024-01-01T00:01:30Z+");
  CHECK(due("@every 90s", "2024-01-01T00:00:00.5Z") == "2024-01-01T00:01:31Z+");
  CHECK(due("@every 1.5s", "2024-01-01T00:00:00Z") == "2024-01-01T00:00:01.5Z+");
  CHECK(due("@every 1h", "2024-01-01T00:00:00Z", "2024-01-02T00:10:00.2Z") ==
        "2024-01-02T01:10:00Z+");
  CHECK(due("@every 2562047h", "2024-01-01T00:00:00Z") == "2262-04-11T23:47:16.854775807Z+");
  for (const std::string_view pattern :
       {"@every", "@every ", "@every 999ms", "@every -1s", "@every 1", "@every 1h "})
    CHECK(due(pattern, "2024-01-01T00:00:00Z") == "none");
}

TEST_CASE("the predefined ones are cron patterns") {
  const std::string_view from = "2024-02-29T12:34:56.7Z";
  CHECK(due("@hourly", from) == "2024-02-29T13:00:00Z+");
  CHECK(due("@daily", from) == "2024-03-01T00:00:00Z+");
  CHECK(due("@midnight", from) == "2024-03-01T00:00:00Z+");
  CHECK(due("@weekly", from) == "2024-03-03T00:00:00Z+");
  CHECK(due("@monthly", from) == "2024-03-01T00:00:00Z+");
  CHECK(due("@yearly", from) == "2025-01-01T00:00:00Z+");
  CHECK(due("@annually", from) == "2025-01-01T00:00:00Z+");
  CHECK(due("@Hourly", from) == "none");
}

TEST_CASE("a repeating one that was missed comes next when it would have come anyway") {
  CHECK(due("0 0 * * * *", "2024-01-01T00:00:00Z", "2024-01-05T07:30:00Z") ==
        "2024-01-05T08:00:00Z+");
}

TEST_CASE("only cron patterns take a time zone") {
  const auto berlin = TimeZone::parse(zones::tzif(3600, {}, zones::kBerlin));
  REQUIRE(berlin.has_value());
  CHECK(due("@daily", "2024-07-01T12:00:00Z", {}, &*berlin) == "2024-07-01T22:00:00Z+");
  CHECK(due("@at 2024-05-01T10:00:00Z", "2024-01-01T00:00:00Z", {}, &*berlin) == "none");
  CHECK(due("@every 1h", "2024-01-01T00:00:00Z", {}, &*berlin) == "none");
}
