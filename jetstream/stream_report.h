// How streams and what they use are reported, to clients and to monitoring: StreamInfo and its
// parts, field by field as nats-server prints them. Asks the store; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jetstream/settings.h"
#include "jetstream/stream_setup.h"
#include "protocol/json_writer.h"

namespace pipit::js {

struct Usage {
  uint64_t memory = 0, storage = 0;                    // bytes
  uint64_t reserved_memory = 0, reserved_storage = 0;  // of streams with max_bytes
  uint64_t streams = 0, messages = 0;
};
void write_usage(proto::JsonWriter& json, const Usage& usage);

struct StateDetails {
  bool deleted = false;                                    // every sequence that is gone
  std::vector<std::pair<std::string, uint64_t>> subjects;  // and how many messages each has
};

// "state"
void write_state(proto::JsonWriter& json, const StreamSetup& stream, const StateDetails* details);
// "config", "created", "state". `details` may be null; `server`: what responses about one stream
// add to its metadata.
enum class WithServer : bool { no, yes };
void write_config_and_state(proto::JsonWriter& json, const Settings& settings,
                            const StreamSetup& stream, WithServer server,
                            const StateDetails* details = nullptr);

}  // namespace pipit::js
