// What is asked for a stream -> what it becomes, or why not: the checks of its configuration, and
// what this version has not built.
#include <algorithm>

#include "jetstream/api.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

// Clear from the start, rather than a stream that does half of what it says.
ApiOutcome not_built_in(const StreamConfig& config) {
  const auto refuse = [](const char* what) {
    return api_error(JsErr::stream_invalid_config,
                     std::string(what) + " is not built yet in this version of pipit");
  };
  if (config.mirror) return refuse("mirror");
  if (!config.sources.empty()) return refuse("sources");
  if (config.subject_transform) return refuse("subject_transform");
  if (config.republish) return refuse("republish");
  if (config.storage == StorageKind::memory) return refuse("storage memory");
  if (config.allow_direct || config.mirror_direct) return refuse("allow_direct");
  if (config.max_age_ns > 0) return refuse("max_age");
  if (config.allow_msg_ttl || config.subject_delete_marker_ttl_ns > 0)
    return refuse("allow_msg_ttl");
  if (config.allow_msg_counter) return refuse("allow_msg_counter");
  if (config.allow_atomic) return refuse("allow_atomic");
  if (config.allow_msg_schedules) return refuse("allow_msg_schedules");
  if (config.allow_batched) return refuse("allow_batched");
  return {};
}

void set_defaults(StreamConfig& config) {
  if (config.subjects.empty()) config.subjects.push_back(config.name);
  for (int64_t* limit :
       {&config.max_consumers, &config.max_msgs, &config.max_bytes, &config.max_msgs_per_subject})
    if (*limit <= 0) *limit = -1;
  if (config.max_msg_size <= 0) config.max_msg_size = -1;
  if (config.num_replicas == 0) config.num_replicas = 1;
  if (config.duplicate_window_ns == 0) config.duplicate_window_ns = 120'000'000'000;
}

}  // namespace

ApiOutcome Api::create_checked(StreamConfigRequest& request, SetupRef& out) {
  StreamConfig& config = request.config;
  set_defaults(config);
  set_static_metadata(config);
  if (const SetupRef old = catalogue_.find(config.name)) {
    if (!same_stream(old->config, config)) return api_error(JsErr::stream_name_exists);
    out = old;
    return {};
  }
  if (ApiOutcome missing = not_built_in(config)) return missing;
  for (const SetupRef& other : catalogue_.all())
    for (const std::string& theirs : other->config.subjects)
      for (const std::string& ours : config.subjects)
        if (proto::collide(theirs, ours)) return api_error(JsErr::subject_overlap);
  return catalogue_.create(std::move(config), clock_.wall_ns(), out);
}

ApiOutcome Api::update_checked(const StreamSetup& old, StreamConfigRequest& request,
                               SetupRef& out) {
  set_defaults(request.config);
  set_static_metadata(request.config);
  if (ApiOutcome missing = not_built_in(request.config)) return missing;
  return catalogue_.update(old, std::move(request.config), out);
}

}  // namespace pipit::js
