#include "jetstream/schedule_check.h"

#include <algorithm>
#include <string>

#include "jetstream/message_ttl.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

using Fault = std::optional<ApiError>;
using Header = PublishHeader;

constexpr std::string_view kRollupSubject = "sub";

bool is_ours(const StreamConfig& config, std::string_view subject) {
  return std::ranges::any_of(config.subjects, [&](const std::string& pattern) {
    return pattern == subject || proto::collide(pattern, subject);
  });
}

// When it is due, which no other header has a say in. Faults of a stream without schedules are all
// one.
Fault check_time(const PublishHeaders& headers, const StreamConfig& config,
                 const FindTimeZone& find_time_zone, int64_t now_ns,
                 std::optional<ScheduleTime>& due) {
  const auto refuse = [&](JsErr e) {
    return api_error(config.allow_msg_schedules ? e : JsErr::schedules_disabled);
  };
  const TimeZone* zone = nullptr;
  if (headers.has(Header::schedule_time_zone)) {
    const std::string_view name = headers[Header::schedule_time_zone];
    if (is_time_zone_name(name)) zone = find_time_zone(name);
    if (zone == nullptr) return refuse(JsErr::schedules_time_zone_invalid);
  }
  const std::string_view pattern = headers[Header::schedule];
  if (pattern.empty()) return std::nullopt;
  due = next_schedule(pattern, zone, now_ns, now_ns);
  if (!due) return refuse(JsErr::schedules_pattern_invalid);
  if (!config.allow_msg_schedules) return api_error(JsErr::schedules_disabled);
  return std::nullopt;
}

Fault check_message(const PublishHeaders& headers, std::string_view subject,
                    const StreamConfig& config, bool& add_rollup) {
  const std::string_view ttl = headers[Header::schedule_ttl];
  if (!ttl.empty() && !parse_message_ttl(ttl)) return api_error(JsErr::schedules_ttl_invalid);
  const std::string_view rollup = headers[Header::schedule_rollup];
  if (!rollup.empty() && rollup != kRollupSubject)
    return api_error(JsErr::schedules_rollup_invalid);
  if (!ttl.empty() && !config.allow_msg_ttl) return api_error(JsErr::ttl_disabled);
  const std::string_view target = headers[Header::schedule_target];
  if (!proto::is_valid_literal(target) || target == subject)
    return api_error(JsErr::schedules_target_invalid);
  const std::string_view source = headers[Header::schedule_source];
  if (!source.empty() &&
      (source == target || source == subject || !proto::is_valid_literal(source)))
    return api_error(JsErr::schedules_source_invalid);
  if (!is_ours(config, target)) return api_error(JsErr::schedules_target_invalid);
  if (!source.empty() && !is_ours(config, source))
    return api_error(JsErr::schedules_source_invalid);
  const std::string_view own_rollup = headers[Header::rollup];
  if (!own_rollup.empty() && own_rollup != kRollupSubject)
    return api_error(JsErr::schedules_rollup_invalid);
  add_rollup = own_rollup.empty();
  return std::nullopt;
}

// Clients may end a schedule, and say nothing else in the scheduler's name.
Fault check_purge(const PublishHeaders& headers, std::string_view subject,
                  const StreamConfig& config, std::string_view& purges) {
  const std::string_view next = headers[Header::schedule_next];
  const std::string_view scheduler = headers[Header::scheduler];
  if (next.empty() && scheduler.empty()) return std::nullopt;
  if (next != "purge" || scheduler == subject || !proto::is_valid_literal(scheduler))
    return api_error(JsErr::schedules_scheduler_invalid);
  if (!config.allow_msg_schedules) return api_error(JsErr::schedules_disabled);
  purges = scheduler;
  return std::nullopt;
}

}  // namespace

std::optional<ApiError> check_schedule(const PublishHeaders& headers, std::string_view subject,
                                       const StreamConfig& config,
                                       const FindTimeZone& find_time_zone, int64_t now_ns,
                                       ScheduleRequest& out) {
  if (auto fault = check_time(headers, config, find_time_zone, now_ns, out.due)) return fault;
  if (out.due)
    if (auto fault = check_message(headers, subject, config, out.add_rollup)) return fault;
  return check_purge(headers, subject, config, out.purges);
}

}  // namespace pipit::js
