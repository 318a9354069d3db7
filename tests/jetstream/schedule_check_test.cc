// Headers of schedules: each set was published to subject "s.x" of three streams of nats-server
// 2.14.5; the err_codes are its answers, 0 where it stored the message.
#include "jetstream/schedule_check.h"

#include <doctest/doctest.h>

#include <string>

using namespace pipit::js;

namespace {

struct Row {
  std::string_view lines;
  int err_codes[3];  // with schedules and TTLs, with schedules, with neither
};

constexpr Row kRows[] = {
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: \r\n", {0, 0, 0}},
    {"Nats-Schedule: x\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @at 2020-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @at\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @at x\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @every 1s\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @every 999ms\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @every -1s\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @every 1h \r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @every\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @Hourly\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: @daily\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @midnight\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @weekly\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @monthly\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @yearly\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @annually\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: 0 0 0 30 2 *\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: * * * * * *\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: * * * * *\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: *  *\t* * * *\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: , * * * * *\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: 60 * * * * *\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: 0 0 0 * * 7\r\nNats-Schedule-Target: s.t\r\n", {10189, 10189, 10188}},
    {"Nats-Schedule: 0 0 0 ? jan,FEB mon-fri\r\nNats-Schedule-Target: s.t\r\n", {0, 0, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: \r\n",
     {10223, 10223, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: UTC\r\n",
     {0, 0, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: "
     "Europe/Berlin\r\n",
     {0, 0, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: "
     "Nowhere/City\r\n",
     {10223, 10223, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: ../etc\r\n",
     {10223, 10223, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: "
     "/etc/localtime\r\n",
     {10223, 10223, 10188}},
    {"Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: "
     "europe/berlin\r\n",
     {10223, 10223, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Time-Zone: UTC\r\n",
     {10189, 10189, 10188}},
    {"Nats-Schedule: @every 1h\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-Time-Zone: UTC\r\n",
     {10189, 10189, 10188}},
    {"Nats-Schedule-Time-Zone: Nowhere\r\n", {10223, 10223, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-TTL: "
     "x\r\n",
     {10191, 10191, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-TTL: "
     "0\r\n",
     {10191, 10191, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-TTL: "
     "5s\r\n",
     {0, 10166, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-TTL: "
     "never\r\n",
     {0, 10166, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Schedule-TTL: "
     "500ms\r\n",
     {10191, 10191, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Rollup: all\r\n",
     {10192, 10192, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Rollup: all\r\n",
     {10192, 10192, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Rollup: sub\r\n",
     {0, 0, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Rollup: sub\r\n",
     {0, 0, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Rollup: \r\n",
     {0, 0, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.t\r\nNats-Rollup: \r\n",
     {0, 0, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\n", {10190, 10190, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: \r\n",
     {10190, 10190, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.*\r\n",
     {10190, 10190, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.x\r\n",
     {10190, 10190, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: q\r\n",
     {10190, 10190, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s..x\r\n",
     {10190, 10190, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: s.>\r\n",
     {10190, 10190, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Source: \r\n",
     {0, 0, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Source: s.*\r\n",
     {10203, 10203, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Source: s.x\r\n",
     {10203, 10203, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Source: s.t\r\n",
     {10203, 10203, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Source: q\r\n",
     {10203, 10203, 10188}},
    {"Nats-Schedule: @at 2099-01-01T00:00:00Z\r\nNats-Schedule-Target: "
     "s.t\r\nNats-Schedule-Source: s.src\r\n",
     {0, 0, 10188}},
    {"Nats-Schedule-Next: purge\r\nNats-Scheduler: s.a\r\n", {0, 0, 10188}},
    {"Nats-Schedule-Next: purge\r\n", {10212, 10212, 10212}},
    {"Nats-Schedule-Next: purge\r\nNats-Scheduler: s.x\r\n", {10212, 10212, 10212}},
    {"Nats-Schedule-Next: purge\r\nNats-Scheduler: s.*\r\n", {10212, 10212, 10212}},
    {"Nats-Schedule-Next: x\r\nNats-Scheduler: s.a\r\n", {10212, 10212, 10212}},
    {"Nats-Schedule-Next: \r\n", {0, 0, 0}},
    {"Nats-Scheduler: s.a\r\n", {10212, 10212, 10212}},
    {"Nats-Schedule-Next: \r\nNats-Scheduler: s.a\r\n", {10212, 10212, 10212}},
    {"Nats-Schedule-Next: purge\r\nNats-Scheduler: q\r\n", {0, 0, 10188}},
};

const TimeZone* find_zone(std::string_view name) {
  static const TimeZone utc;
  return name == "UTC" || name == "Europe/Berlin" ? &utc : nullptr;
}

constexpr int64_t kNow = 1'795'000'000'000'000'000;  // 2026

std::optional<ApiError> check(std::string_view lines, const StreamConfig& config,
                              ScheduleRequest& request) {
  const std::string block = "NATS/1.0\r\n" + std::string(lines) + "\r\n";
  return check_schedule(PublishHeaders(block), "s.x", config, find_zone, kNow, request);
}

}  // namespace

TEST_CASE("headers of schedules are judged as nats-server judges them") {
  StreamConfig configs[3];
  for (StreamConfig& config : configs) config.subjects = {"s.>"};
  configs[0].allow_msg_schedules = configs[0].allow_msg_ttl = true;
  configs[1].allow_msg_schedules = true;
  for (const Row& row : kRows)
    for (int i = 0; i < 3; ++i) {
      CAPTURE(row.lines);
      CAPTURE(i);
      ScheduleRequest request;
      const auto fault = check(row.lines, configs[i], request);
      CHECK((fault ? fault->err_code : 0) == row.err_codes[i]);
    }
}

TEST_CASE("a schedule says when, and whether a roll-up is to be added") {
  StreamConfig config;
  config.subjects = {"s.>"};
  config.allow_msg_schedules = true;
  ScheduleRequest request;
  CHECK_FALSE(check("Nats-Schedule: @every 1h\r\nNats-Schedule-Target: s.t\r\n", config, request));
  REQUIRE(request.due.has_value());
  CHECK(request.due->at_ns == kNow + 3'600'000'000'000);
  CHECK(request.due->repeats);
  CHECK(request.add_rollup);
  request = {};
  CHECK_FALSE(check("Nats-Schedule: @hourly\r\nNats-Schedule-Target: s.t\r\nNats-Rollup: sub\r\n",
                    config, request));
  CHECK_FALSE(request.add_rollup);
  CHECK(request.purges.empty());
}

TEST_CASE("a schedule's end names the schedule") {
  StreamConfig config;
  config.allow_msg_schedules = true;
  const PublishHeaders headers(
      "NATS/1.0\r\nNats-Schedule-Next: purge\r\nNats-Scheduler: s.a\r\n\r\n");
  ScheduleRequest request;
  CHECK_FALSE(check_schedule(headers, "s.x", config, find_zone, kNow, request));
  CHECK(request.purges == "s.a");
  CHECK_FALSE(request.due.has_value());
}
