// StreamConfig: what a stream is, field by field as in nats-server 2.14 (ADR-4, -10, -36, -44,
// -50).
//
// A plain value: copied, compared, published to a reactor as an immutable snapshot. As parsed, what
// the request left out is zero; check_create() and check_update() (stream_config_check.h) fill in
// the defaults and refuse what has no meaning. Durations are nanoseconds; -1 is "no limit".
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/rfc3339.h"

namespace pipit::js {

enum class Retention : uint8_t { limits, interest, workqueue };
enum class Discard : uint8_t { oldest, newest };  // "old" and "new": which messages a limit refuses
enum class StorageKind : uint8_t { unset, file, memory };  // unset: only before the check
enum class Compression : uint8_t { none, s2 };
enum class PersistMode : uint8_t { standard, async };  // "default" and "async"

struct SubjectTransformConfig {
  std::string source, destination;
  bool operator==(const SubjectTransformConfig&) const = default;
};

struct RePublish {
  std::string source, destination;
  bool headers_only = false;
  bool operator==(const RePublish&) const = default;
};

struct Placement {
  std::string cluster;
  std::vector<std::string> tags;
  std::string preferred;
  bool operator==(const Placement&) const = default;
};

struct ExternalStream {
  std::string api_prefix, deliver_prefix;
  bool operator==(const ExternalStream&) const = default;
};

// The durable consumer of the origin that a mirror or source reads from (2.14).
struct SourceConsumer {
  std::string name, deliver_subject;
  bool operator==(const SourceConsumer&) const = default;
};

// The origin of a mirror, or one of a stream's sources.
struct StreamSource {
  std::string name;
  uint64_t opt_start_seq = 0;
  std::optional<Timestamp> opt_start_time;
  std::string filter_subject;
  std::vector<SubjectTransformConfig> subject_transforms;
  std::optional<ExternalStream> external;
  std::optional<SourceConsumer> consumer;
  bool operator==(const StreamSource&) const = default;
};

struct ConsumerLimits {
  int64_t inactive_threshold_ns = 0;
  int64_t max_ack_pending = 0;
  bool operator==(const ConsumerLimits&) const = default;
};

// Keys that the server keeps in a stream's metadata.
inline constexpr std::string_view kRequiredLevelKey = "_nats.req.level";  // stored
inline constexpr std::string_view kServerVersionKey = "_nats.ver";        // only in responses
inline constexpr std::string_view kServerLevelKey = "_nats.level";        // only in responses

struct StreamConfig {
  std::string name;
  std::string description;
  std::vector<std::string> subjects;
  Retention retention = Retention::limits;
  int64_t max_consumers = 0;
  int64_t max_msgs = 0;
  int64_t max_bytes = 0;
  int64_t max_age_ns = 0;
  int64_t max_msgs_per_subject = 0;
  int32_t max_msg_size = 0;
  Discard discard = Discard::oldest;
  StorageKind storage = StorageKind::unset;
  int64_t num_replicas = 0;
  bool no_ack = false;
  int64_t duplicate_window_ns = 0;
  std::optional<Placement> placement;
  std::optional<StreamSource> mirror;
  std::vector<StreamSource> sources;
  Compression compression = Compression::none;
  uint64_t first_seq = 0;
  std::optional<SubjectTransformConfig> subject_transform;
  std::optional<RePublish> republish;
  bool allow_direct = false;
  bool mirror_direct = false;
  bool discard_new_per_subject = false;
  bool sealed = false;
  bool deny_delete = false;
  bool deny_purge = false;
  bool allow_rollup = false;
  ConsumerLimits consumer_limits;
  bool allow_msg_ttl = false;
  int64_t subject_delete_marker_ttl_ns = 0;
  bool allow_msg_counter = false;
  bool allow_atomic = false;
  bool allow_msg_schedules = false;
  PersistMode persist_mode = PersistMode::standard;
  bool allow_batched = false;
  std::map<std::string, std::string, std::less<>> metadata;

  bool operator==(const StreamConfig&) const = default;
};

// Do both describe the same stream? The server's own metadata keys do not count: creating a stream
// again with the config of an existing one is a success, whatever server wrote those.
bool same_stream(const StreamConfig& a, const StreamConfig& b);

// The lowest JetStream API level that has everything `config` asks for.
int required_api_level(const StreamConfig& config);
// Writes that level into the metadata, and drops the keys that only responses carry.
void set_static_metadata(StreamConfig& config);

}  // namespace pipit::js
