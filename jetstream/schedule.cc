#include "jetstream/schedule.h"

#include <limits>
#include <string>

#include "jetstream/cron.h"
#include "jetstream/go_duration.h"
#include "jetstream/rfc3339.h"

namespace pipit::js {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

std::string_view predefined(std::string_view pattern) {
  if (pattern == "@yearly" || pattern == "@annually") return "0 0 0 1 1 *";
  if (pattern == "@monthly") return "0 0 0 1 * *";
  if (pattern == "@weekly") return "0 0 0 * * 0";
  if (pattern == "@daily" || pattern == "@midnight") return "0 0 0 * * *";
  if (pattern == "@hourly") return "0 0 * * * *";
  return pattern;
}

int64_t floor_seconds(int64_t ns) { return timestamp_utc(ns).seconds; }
int64_t nearest_second(int64_t ns) {
  const Timestamp time = timestamp_utc(ns);
  return time.seconds + (time.nanos >= kSecond / 2 ? 1 : 0);
}

int64_t seconds_to_ns(int64_t seconds) { return Timestamp{seconds, 0, 0}.unix_ns(); }

int64_t add_saturating(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

std::optional<ScheduleTime> every(std::string_view interval, int64_t from_ns, int64_t now_ns) {
  const std::optional<int64_t> span = parse_go_duration(interval);
  if (!span || *span < kSecond) return std::nullopt;
  int64_t next = add_saturating(seconds_to_ns(nearest_second(from_ns)), *span);
  if (next < now_ns) next = add_saturating(seconds_to_ns(nearest_second(now_ns)), *span);
  return ScheduleTime{next, true};
}

}  // namespace

std::optional<ScheduleTime> next_schedule(std::string_view pattern, const TimeZone* zone,
                                          int64_t from_ns, int64_t now_ns) {
  constexpr std::string_view kAt = "@at ", kEvery = "@every ";
  if (pattern.starts_with(kAt)) {
    if (zone != nullptr) return std::nullopt;
    std::string fault;
    const std::optional<Timestamp> time = parse_rfc3339(pattern.substr(kAt.size()), fault);
    if (!time) return std::nullopt;
    return ScheduleTime{time->unix_ns(), false};
  }
  if (pattern.starts_with(kEvery)) {
    if (zone != nullptr) return std::nullopt;
    return every(pattern.substr(kEvery.size()), from_ns, now_ns);
  }
  const TimeZone utc;
  const TimeZone& clocks = zone == nullptr ? utc : *zone;
  const std::string_view cron = predefined(pattern);
  std::optional<int64_t> next = next_cron_time(cron, clocks, floor_seconds(from_ns));
  if (next && seconds_to_ns(*next) < now_ns)
    next = next_cron_time(cron, clocks, nearest_second(now_ns));
  if (!next) return std::nullopt;
  return ScheduleTime{seconds_to_ns(*next), true};
}

}  // namespace pipit::js
