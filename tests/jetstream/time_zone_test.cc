// Offsets from UTC: those of real zones were compared with Go's time package; here are zones made
// up for the purpose, and files that are none.
#include "jetstream/time_zone.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/jetstream/zones.h"

using namespace pipit::js;
using zones::tzif;

namespace {

TimeZone zone_of(std::string_view text) {
  const auto zone = TimeZone::parse(text);
  REQUIRE(zone.has_value());
  return *zone;
}

constexpr int64_t kSpring2024 = 1'711'846'800;  // 2024-03-31 01:00 UTC
constexpr int64_t kAutumn2024 = 1'729'990'800;  // 2024-10-27 01:00 UTC

}  // namespace

TEST_CASE("UTC is itself for ever") {
  const TimeZone::Span span = TimeZone().at(0);
  CHECK(span.utc_offset_s == 0);
  CHECK(span.until == std::numeric_limits<int64_t>::max());
}

TEST_CASE("a rule says when clocks change, year after year") {
  const TimeZone berlin = zone_of(tzif(3600, {}, zones::kBerlin));
  CHECK(berlin.at(kSpring2024 - 1).utc_offset_s == 3600);
  CHECK(berlin.at(kSpring2024 - 1).until == kSpring2024);
  CHECK(berlin.at(kSpring2024).utc_offset_s == 7200);
  CHECK(berlin.at(kSpring2024).until == kAutumn2024);
  CHECK(berlin.at(kAutumn2024 - 1).utc_offset_s == 7200);
  CHECK(berlin.at(kAutumn2024).utc_offset_s == 3600);
  constexpr int64_t kSpring2100 = 4'109'878'800;  // 28 March
  CHECK(berlin.at(kSpring2100 - 1).utc_offset_s == 3600);
  CHECK(berlin.at(kSpring2100).utc_offset_s == 7200);
  const TimeZone::Span far = berlin.at(250'000'000'000);
  CHECK((far.utc_offset_s == 3600 || far.utc_offset_s == 7200));
}

TEST_CASE("summer lies around new year in the south") {
  const TimeZone sydney = zone_of(tzif(36000, {}, "AEST-10AEDT,M10.1.0,M4.1.0/3"));
  CHECK(sydney.at(1'704'067'200).utc_offset_s == 39600);  // 2024-01-01
  CHECK(sydney.at(1'719'792'000).utc_offset_s == 36000);  // 2024-07-01
  CHECK(sydney.at(1'735'689'600).utc_offset_s == 39600);  // 2025-01-01
}

TEST_CASE("days of the year, with and without the leap day, begin summer too") {
  // Day 59 counts from 0; J60 is 1 March whatever the year.
  const TimeZone by_day = zone_of(tzif(0, {}, "AAA0BBB,59/0,300/0"));
  const TimeZone julian = zone_of(tzif(0, {}, "AAA0BBB,J60/0,J300/0"));
  constexpr int64_t kFebruary29 = 1'709'164'800;  // 2024
  CHECK(by_day.at(kFebruary29 - 1).utc_offset_s == 0);
  CHECK(by_day.at(kFebruary29).utc_offset_s == 3600);
  CHECK(julian.at(kFebruary29).utc_offset_s == 0);
  CHECK(julian.at(kFebruary29 + 86'400).utc_offset_s == 3600);
}

TEST_CASE("the table comes before the rule") {
  const TimeZone zone = zone_of(tzif(-1234, {{0, 1800}, {1000, -1800}}, "<-01>1"));
  CHECK(zone.at(-1).utc_offset_s == -1234);
  CHECK(zone.at(-1).until == 0);
  CHECK(zone.at(0).utc_offset_s == 1800);
  CHECK(zone.at(999).until == 1000);
  CHECK(zone.at(1000).utc_offset_s == -3600);
  const TimeZone no_rule = zone_of(tzif(0, {{0, 1800}}, ""));
  CHECK(no_rule.at(std::numeric_limits<int64_t>::max() - 1).utc_offset_s == 1800);
}

TEST_CASE("no prefix of a file and no wrong rule is a zone") {
  const std::string whole = tzif(3600, {{0, 1800}, {1000, 3600}}, "");
  for (size_t size = 0; size + 2 < whole.size(); ++size)
    CHECK_FALSE(TimeZone::parse(std::string_view(whole).substr(0, size)).has_value());
  for (const std::string_view rule :
       {"C-1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-999", "<CET-1",
        "CET-1CEST,J0,J300", "CET-1CEST,J1,366", "CET-1x", "CET-1CEST,M3.5.0,M10.5.0x"})
    CHECK_FALSE(TimeZone::parse(tzif(0, {}, rule)).has_value());
  CHECK_FALSE(TimeZone::parse(tzif(0, {{5, 0}, {5, 0}}, "")).has_value());
  CHECK_FALSE(TimeZone::parse(tzif(200'000, {}, "")).has_value());
}

TEST_CASE("names of zones are no way out of their folder") {
  for (const std::string_view name : {"UTC", "Europe/Berlin", "Etc/GMT+1", "America/Port-au-Prince",
                                      "America/Argentina/Buenos_Aires"})
    CHECK(is_time_zone_name(name));
  for (const std::string& name :
       {std::string(""), std::string("../etc"), std::string("/etc/localtime"), std::string("a//b"),
        std::string("a/"), std::string("a.b"), std::string("a\\b"), std::string("a\0b", 3),
        std::string(256, 'a')})
    CHECK_FALSE(is_time_zone_name(name));
}
