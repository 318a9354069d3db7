// What the headers of a message schedule (ADR-51) ask for, and what is wrong with them: rules,
// texts and order are nats-server 2.14's. Pure; runs on the stream's home reactor for messages that
// have one of these headers.
#pragma once
#include <functional>
#include <optional>
#include <string_view>

#include "jetstream/api_errors.h"
#include "jetstream/publish_headers.h"
#include "jetstream/schedule.h"
#include "jetstream/stream_config.h"

namespace pipit::js {

// The zone of that name, null if there is none. What it points to outlives the check.
using FindTimeZone = std::function<const TimeZone*(std::string_view name)>;

struct ScheduleRequest {
  std::optional<ScheduleTime> due;  // the message is a schedule, first due then
  bool add_rollup = false;          // it is to be stored with Nats-Rollup: sub, which it has not
  // Nats-Schedule-Next: purge. The last message of this subject goes, if it is a schedule; if it is
  // a message without Nats-Schedule the answer is 10212. Empty: none.
  std::string_view purges;
};

// Fills in `out`, or says what is wrong. `subject`: under which the message will be stored.
std::optional<ApiError> check_schedule(const PublishHeaders& headers, std::string_view subject,
                                       const StreamConfig& config,
                                       const FindTimeZone& find_time_zone, int64_t now_ns,
                                       ScheduleRequest& out);

}  // namespace pipit::js
