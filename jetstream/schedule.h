// Message schedules (ADR-51): when the message that carries a Nats-Schedule header is due, and what
// is wrong with such a message. Pure; times are nanoseconds since 1970.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "jetstream/time_zone.h"

namespace pipit::js {

struct ScheduleTime {
  int64_t at_ns = 0;
  bool repeats = false;  // else the schedule goes with its message
};

// When a schedule that was stored, or last fired, at `from_ns` is due. A time that has passed for a
// repeating one (the server was down) is replaced by the next one after `now_ns`, so that it fires
// once. `zone`: of the header Nats-Schedule-Time-Zone, which only cron patterns take; null without.
// Nothing if the pattern is invalid. Requires: `pattern` is not empty (such a header asks for
// nothing).
std::optional<ScheduleTime> next_schedule(std::string_view pattern, const TimeZone* zone,
                                          int64_t from_ns, int64_t now_ns);

}  // namespace pipit::js
