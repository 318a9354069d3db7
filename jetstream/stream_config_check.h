// What makes a stream's config valid, on create and on update: nats-server 2.14's rules, texts and
// order of checks (the first fault is the one that is reported), its silent adjustments, and the
// refusal of those in pedantic mode (err_code 10157).
//
// Pure functions. What they need to know of other streams and of limits is handed in. Runs on the
// js-api worker; the work for one config is bounded (kComparisonsMax).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/api_errors.h"
#include "jetstream/stream_config.h"

namespace pipit::js {

inline constexpr size_t kNameBytesMax = 255;
inline constexpr size_t kDescriptionBytesMax = 4096;
inline constexpr size_t kMetadataBytesMax = 128 * 1024;
inline constexpr int64_t kReplicasMax = 5;
inline constexpr int64_t kDefaultDuplicateWindowNs = 120'000'000'000;
// Pairs of subjects that one check compares before it refuses the config: about a second.
inline constexpr uint64_t kComparisonsMax = 20'000'000;

// What an account may use; -1 is "no limit".
struct AccountLimits {
  int64_t max_memory = -1;
  int64_t max_storage = -1;
  int64_t max_streams = -1;
  int64_t max_consumers = -1;
  int64_t max_ack_pending = -1;
  int64_t memory_max_stream_bytes = -1;
  int64_t storage_max_stream_bytes = -1;
  bool max_bytes_required = false;
};

struct ServerLimits {
  int64_t max_memory = 0;
  int64_t max_storage = 0;
  int64_t duplicate_window_ns = 0;  // 0: no limit
};

// The streams of the account as they stand.
class StreamCatalogue {
 public:
  virtual ~StreamCatalogue() = default;
  virtual const StreamConfig* find(std::string_view name) const = 0;
  virtual void each(const std::function<void(const StreamConfig&)>& visit) const = 0;
};

struct CheckContext {
  const StreamCatalogue& streams;
  AccountLimits account;
  ServerLimits server;
  bool pedantic = false;
};

// Checks what STREAM.CREATE.<subject_name> asks for and fills in the defaults. `exists`: there is
// a stream of the same config already, which is a success too, and nothing is to be done.
// Sets the metadata's required level.
std::optional<ApiError> check_create(const CheckContext& context, std::string_view subject_name,
                                     StreamConfig& config, bool& exists);

// The same for STREAM.UPDATE.<subject_name> of a stream that may exist or not. Left to the caller:
// consumers that the new consumer_limits would violate.
std::optional<ApiError> check_update(const CheckContext& context, std::string_view subject_name,
                                     StreamConfig& config);

// Rules that need no other request: also for a config that comes from a backup.
std::optional<ApiError> check_config(const CheckContext& context, StreamConfig& config);

// Does a subject of `subjects` collide with one of another stream than `except`?
std::optional<ApiError> check_overlap(const StreamCatalogue& streams,
                                      const std::vector<std::string>& subjects,
                                      std::string_view except);

// May a stream or consumer be called that? Not empty, no blanks, nothing that a subject or a path
// would take apart. (Its length is another matter.)
bool is_valid_asset_name(std::string_view name);

}  // namespace pipit::js
