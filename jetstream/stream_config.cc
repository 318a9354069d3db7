#include "jetstream/stream_config.h"

namespace pipit::js {

int required_api_level(const StreamConfig& config) {
  if (config.allow_batched) return 4;
  if (config.allow_msg_counter || config.allow_atomic || config.allow_msg_schedules ||
      config.persist_mode == PersistMode::async)
    return 2;
  return config.allow_msg_ttl || config.subject_delete_marker_ttl_ns > 0 ? 1 : 0;
}

namespace {

void drop_server_keys(StreamConfig& config) {
  for (const std::string_view key : {kRequiredLevelKey, kServerVersionKey, kServerLevelKey})
    if (const auto found = config.metadata.find(key); found != config.metadata.end())
      config.metadata.erase(found);
}

}  // namespace

void set_static_metadata(StreamConfig& config) {
  drop_server_keys(config);
  config.metadata.emplace(kRequiredLevelKey, std::to_string(required_api_level(config)));
}

bool same_stream(const StreamConfig& a, const StreamConfig& b) {
  StreamConfig left = a, right = b;
  drop_server_keys(left);
  drop_server_keys(right);
  return left == right;
}

}  // namespace pipit::js
