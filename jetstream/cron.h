// Cron patterns of message schedules (ADR-51): six fields, "second minute hour day month weekday",
// each a list of numbers, names, ranges and steps ("0 30 8-18/2 * jan,jul mon-fri"). Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "jetstream/time_zone.h"

namespace pipit::js {

// The first second after `time` (seconds since 1970) when the clocks of `zone` show what the
// pattern asks for. A time that clocks skip in spring is left out; one that they show twice in
// autumn comes twice. Nothing if the pattern is malformed, or names no time until the end of the
// fifth year from then.
std::optional<int64_t> next_cron_time(std::string_view pattern, const TimeZone& zone, int64_t time);

}  // namespace pipit::js
