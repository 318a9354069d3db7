// Cron patterns: 100,000 random ones over all zones were compared with nats-server's; these are the
// cases that one would get wrong.
#include "jetstream/cron.h"

#include <doctest/doctest.h>

#include "jetstream/rfc3339.h"
#include "tests/jetstream/zones.h"

using namespace pipit::js;

namespace {

int64_t seconds(std::string_view time) {
  std::string fault;
  const auto parsed = parse_rfc3339(time, fault);
  CHECK(fault == "");
  return parsed ? parsed->seconds : 0;
}

std::string next(std::string_view pattern, std::string_view from, const TimeZone& zone = {}) {
  const auto time = next_cron_time(pattern, zone, seconds(from));
  return time ? format_rfc3339({*time, 0, 0}) : "none";
}

TimeZone berlin() {
  const auto zone = TimeZone::parse(zones::tzif(3600, {}, zones::kBerlin));
  REQUIRE(zone.has_value());
  return *zone;
}

}  // namespace

TEST_CASE("the next time lies in the future, a second at least") {
  CHECK(next("* * * * * *", "2024-01-01T00:00:00Z") == "2024-01-01T00:00:01Z");
  CHECK(next("0 0 0 * * *", "2024-01-01T00:00:00Z") == "2024-01-02T00:00:00Z");
  CHECK(next("0 0 0 * * *", "2024-12-31T23:59:59Z") == "2025-01-01T00:00:00Z");
}

TEST_CASE("fields are lists of numbers, names, ranges and steps") {
  const std::string_view from = "2024-01-01T00:00:00Z";  // a Monday
  CHECK(next("5,30 * * * * *", from) == "2024-01-01T00:00:05Z");
  CHECK(next("0 */20 * * * *", from) == "2024-01-01T00:20:00Z");
  CHECK(next("0 50/5 * * * *", from) == "2024-01-01T00:50:00Z");
  CHECK(next("0 0 8-18/2 * * *", "2024-01-01T09:00:00Z") == "2024-01-01T10:00:00Z");
  CHECK(next("0 0 0 1 JUL,feb *", from) == "2024-02-01T00:00:00Z");
  CHECK(next("0 0 0 * * sat-sat", from) == "2024-01-06T00:00:00Z");
  CHECK(next("0 0 0 ? * mon", from) == "2024-01-08T00:00:00Z");
  CHECK(next(",, 0,, * * *", from) == "none");
  CHECK(next("0 ,0, 0 * * *", from) == "2024-01-02T00:00:00Z");
  CHECK(next(" 0\t0 0  * * * ", from) == "2024-01-02T00:00:00Z");
  CHECK(next("+5 * * * * *", from) == "2024-01-01T00:00:05Z");
  CHECK(next("*/9223372036854775807 * * * * *", from) == "2024-01-01T00:01:00Z");
}

TEST_CASE("where both days are restricted either will do") {
  const std::string_view from = "2024-01-01T00:00:00Z";
  CHECK(next("0 0 0 5 * sun", from) == "2024-01-05T00:00:00Z");
  CHECK(next("0 0 0 15 * sun", from) == "2024-01-07T00:00:00Z");
  CHECK(next("0 0 0 */1 * sun", from) == "2024-01-07T00:00:00Z");
}

TEST_CASE("a leap day is found within five years or not at all") {
  CHECK(next("0 0 0 29 2 *", "2024-03-01T00:00:00Z") == "2028-02-29T00:00:00Z");
  CHECK(next("0 0 0 29 2 *", "2096-03-01T00:00:00Z") == "none");
  CHECK(next("0 0 0 30 2 *", "2024-01-01T00:00:00Z") == "none");
  CHECK(next("0 0 0 31 4,6,9,11 *", "2024-01-01T00:00:00Z") == "none");
}

TEST_CASE("malformed patterns are refused") {
  for (const std::string_view pattern : {"",
                                         "* * * * *",
                                         "* * * * * * *",
                                         "60 * * * * *",
                                         "* 60 * * * *",
                                         "* * 24 * * *",
                                         "* * * 0 * *",
                                         "* * * 32 * *",
                                         "* * * * 0 *",
                                         "* * * * 13 *",
                                         "* * * * * 7",
                                         "x * * * * *",
                                         "-1 * * * * *",
                                         "1- * * * * *",
                                         "5-2 * * * * *",
                                         "1/2/3 * * * * *",
                                         "1-2-3 * * * * *",
                                         "*/0 * * * * *",
                                         "*/ * * * * *",
                                         ", * * * * *",
                                         "jan * * * * *",
                                         "1e308 * * * * *",
                                         "99999999999999999999 * * * * *",
                                         "@hourly"})
    CHECK(next(pattern, "2024-01-01T00:00:00Z") == "none");
}

TEST_CASE("patterns follow the clocks of their zone") {
  CHECK(next("0 0 8 * * *", "2024-01-01T00:00:00Z", berlin()) == "2024-01-01T07:00:00Z");
  CHECK(next("0 0 8 * * *", "2024-07-01T00:00:00Z", berlin()) == "2024-07-01T06:00:00Z");
  CHECK(next("0 0 0 1 1 *", "2024-06-01T00:00:00Z", berlin()) == "2024-12-31T23:00:00Z");
}

TEST_CASE("a time that clocks skip is left out, one that they show twice comes twice") {
  CHECK(next("0 30 2 * * *", "2024-03-30T12:00:00Z", berlin()) == "2024-04-01T00:30:00Z");
  CHECK(next("0 30 2 * * *", "2024-10-26T12:00:00Z", berlin()) == "2024-10-27T00:30:00Z");
  CHECK(next("0 30 2 * * *", "2024-10-27T00:30:00Z", berlin()) == "2024-10-27T01:30:00Z");
  CHECK(next("0 30 2 * * *", "2024-10-27T01:30:00Z", berlin()) == "2024-10-28T01:30:00Z");
}
