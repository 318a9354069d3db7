#include "jetstream/stream_config_check.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "jetstream/go_duration.h"
#include "jetstream/stream_origin_check.h"
#include "jetstream/subject_transform.h"
#include "protocol/json_syntax.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

using Fault = std::optional<ApiError>;

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kShortestWindowNs = 100 * kMillisecond;

Fault invalid(std::string_view why) { return api_error(JsErr::stream_invalid_config, why); }
Fault pedantic_fault(std::string_view why) { return api_error(JsErr::pedantic, why); }

Fault check_texts(const StreamConfig& config) {
  if (!is_valid_asset_name(config.name))
    return invalid(R"(stream name is required and can not contain '.', '*', '>', '\', '/')");
  if (config.name.size() > kNameBytesMax)
    return invalid("stream name is too long, maximum allowed is 255");
  if (config.description.size() > kDescriptionBytesMax)
    return invalid("stream description is too long, maximum allowed is 4096");
  size_t metadata = 0;
  for (const auto& [key, value] : config.metadata) metadata += key.size() + value.size();
  if (metadata > kMetadataBytesMax)
    return invalid("stream metadata exceeds maximum size of 131072 bytes");
  return std::nullopt;
}

// Zero and anything negative is "no limit"; pedantic mode wants that said with -1.
template <class Integer>
Fault default_limit(bool pedantic, std::string_view name, Integer& limit) {
  if (pedantic && limit < -1) return pedantic_fault(std::string(name) + " must be set to -1");
  if (limit <= 0) limit = -1;
  return std::nullopt;
}

Fault check_limits(const CheckContext& context, StreamConfig& config) {
  if (config.storage == StorageKind::unset) config.storage = StorageKind::file;
  if (config.num_replicas == 0) config.num_replicas = 1;
  if (config.num_replicas > kReplicasMax) return invalid("maximum replicas is 5");
  if (config.num_replicas < 0) return api_error(JsErr::replicas_negative);
  const bool pedantic = context.pedantic;
  if (auto fault = default_limit(pedantic, "max_msgs", config.max_msgs)) return fault;
  if (auto fault = default_limit(pedantic, "max_msgs_per_subject", config.max_msgs_per_subject))
    return fault;
  if (auto fault = default_limit(pedantic, "max_bytes", config.max_bytes)) return fault;
  if (auto fault = default_limit(pedantic, "max_msg_size", config.max_msg_size)) return fault;
  if (auto fault = default_limit(pedantic, "max_consumers", config.max_consumers)) return fault;
  if (config.max_age_ns < 0) return invalid("max age can not be negative");
  if (config.max_age_ns != 0 && config.max_age_ns < kShortestWindowNs)
    return invalid("max age needs to be >= 100ms");
  return std::nullopt;
}

Fault check_duplicate_window(const CheckContext& context, StreamConfig& config) {
  const int64_t limit = context.server.duplicate_window_ns;
  int64_t& window = config.duplicate_window_ns;
  if (window == 0 && !config.mirror && config.sources.empty()) {
    window = kDefaultDuplicateWindowNs;
    if (limit > 0 && window > limit) {
      if (context.pedantic)
        return pedantic_fault("duplicate window limits are higher than current limits");
      window = limit;
    }
    if (config.max_age_ns != 0 && config.max_age_ns < window) {
      if (context.pedantic) return pedantic_fault("duplicate window cannot be bigger than max age");
      window = config.max_age_ns;
    }
  }
  if (window < 0) return invalid("duplicates window can not be negative");
  if (config.max_age_ns != 0 && window > config.max_age_ns)
    return invalid("duplicates window can not be larger then max age");
  if (limit > 0 && window > limit)
    return invalid("duplicates window can not be larger then server limit of " +
                   format_go_duration(limit));
  if (window > 0 && window < kShortestWindowNs)
    return invalid("duplicates window needs to be >= 100ms");
  return std::nullopt;
}

Fault check_counter(const StreamConfig& config) {
  if (!config.allow_msg_counter) return std::nullopt;
  if (config.discard == Discard::newest) return invalid("counter stream cannot use discard new");
  if (config.allow_msg_ttl) return invalid("counter stream cannot use message TTLs");
  if (config.allow_msg_schedules) return invalid("counter stream cannot use message schedules");
  if (config.retention != Retention::limits)
    return invalid("counter stream can only use limits retention");
  return std::nullopt;
}

Fault check_discard_per_subject(const StreamConfig& config) {
  if (!config.discard_new_per_subject) return std::nullopt;
  if (config.discard != Discard::newest)
    return invalid("discard new per subject requires discard new policy to be set");
  if (config.max_msgs_per_subject <= 0)
    return invalid("discard new per subject requires max msgs per subject > 0");
  return std::nullopt;
}

// What writes markers or schedules needs roll-ups, and roll-ups need purges.
void allow_rollup(StreamConfig& config) {
  config.allow_rollup = true;
  config.deny_purge = false;
}

Fault check_delete_markers(const CheckContext& context, StreamConfig& config) {
  const int64_t ttl = config.subject_delete_marker_ttl_ns;
  if (ttl < 0) return invalid("subject delete marker TTL must not be negative");
  if (ttl == 0) return std::nullopt;
  if (ttl < kSecond) return invalid("subject delete marker TTL must be at least 1 second");
  if (context.pedantic && !config.allow_msg_ttl)
    return invalid("subject delete marker cannot be set if message TTLs are disabled");
  config.allow_msg_ttl = true;
  if (config.allow_rollup) return std::nullopt;
  if (context.pedantic)
    return invalid("subject delete marker cannot be set if roll-ups are disabled");
  allow_rollup(config);
  return std::nullopt;
}

Fault check_schedules(const CheckContext& context, StreamConfig& config) {
  if (!config.allow_msg_schedules) return std::nullopt;
  if (config.discard == Discard::newest)
    return invalid("message scheduling cannot use discard new");
  if (config.allow_rollup) return std::nullopt;
  if (context.pedantic) return invalid("message scheduling cannot be set if roll-ups are disabled");
  allow_rollup(config);
  return std::nullopt;
}

Fault check_persist_mode(const StreamConfig& config) {
  if (config.persist_mode != PersistMode::async) return std::nullopt;
  if (config.storage != StorageKind::file)
    return invalid("async persist mode is only supported on file storage");
  if (config.num_replicas > 1)
    return invalid("async persist mode is not supported on replicated streams");
  if (config.allow_atomic)
    return invalid("async persist mode is not supported with atomic batch publish");
  return std::nullopt;
}

Fault check_features(const CheckContext& context, StreamConfig& config) {
  if (config.deny_purge && config.allow_rollup)
    return invalid("roll-ups require the purge permission");
  if (auto fault = check_counter(config)) return fault;
  if (auto fault = check_discard_per_subject(config)) return fault;
  if (auto fault = check_delete_markers(context, config)) return fault;
  if (auto fault = check_schedules(context, config)) return fault;
  return check_persist_mode(config);
}

// The server's own subjects are not to be captured by a stream that acks.
Fault check_reserved(const StreamConfig& config, const std::string& subject) {
  if (subject == ">") {
    if (!config.no_ack) return invalid("capturing all subjects requires no-ack to be true");
    if (config.num_replicas != 1) return invalid("capturing all subjects requires replicas of 1");
  }
  if (config.no_ack) return std::nullopt;
  for (const std::string_view space : {"$JS.>", "$JSC.>", "$NRG.>"})
    if (proto::collide(subject, space) && !proto::is_subset(subject, "$JS.EVENT.>"))
      return invalid("subjects that overlap with jetstream api require no-ack to be true");
  if (proto::collide(subject, "$SYS.>") && !proto::is_subset(subject, "$SYS.ACCOUNT.>"))
    return invalid("subjects that overlap with system api require no-ack to be true");
  return std::nullopt;
}

// Subjects among which collisions are looked for. Literals are found by hash; only wildcards are
// compared one by one.
class SubjectSet {
 public:
  explicit SubjectSet(const std::vector<std::string>& subjects) : subjects_(subjects) {
    for (size_t i = subjects.size(); i-- > 0;) {
      if (proto::has_wildcard(subjects[i])) {
        wildcards_.push_back(i);
      } else {
        literals_[subjects[i]].push_back(i);
      }
    }
    std::ranges::reverse(wildcards_);
  }

  size_t wildcards() const { return wildcards_.size(); }

  // The first subject at or after `from` that collides with `subject`; npos if there is none.
  static constexpr size_t npos = std::numeric_limits<size_t>::max();
  size_t colliding(const std::string& subject, size_t from) const {
    if (proto::has_wildcard(subject)) {
      for (size_t i = from; i < subjects_.size(); ++i)
        if (subjects_[i] == subject || proto::collide(subjects_[i], subject)) return i;
      return npos;
    }
    size_t first = npos;
    if (const auto found = literals_.find(subject); found != literals_.end())
      for (const size_t i : found->second)  // descending
        if (i >= from) first = i;
    for (auto i = std::ranges::lower_bound(wildcards_, from); i != wildcards_.end(); ++i) {
      if (*i > first) break;
      if (proto::collide(subjects_[*i], subject)) return *i;
    }
    return first;
  }

 private:
  const std::vector<std::string>& subjects_;
  std::vector<size_t> wildcards_;
  std::unordered_map<std::string_view, std::vector<size_t>> literals_;
};

Fault check_subjects(StreamConfig& config, Comparisons& comparisons) {
  if (config.subjects.empty()) {
    if (!config.mirror && config.sources.empty()) config.subjects.push_back(config.name);
    return std::nullopt;
  }
  if (config.mirror) return api_error(JsErr::mirror_with_subjects);
  const SubjectSet set(config.subjects);
  for (size_t i = 0; i < config.subjects.size(); ++i) {
    const std::string& subject = config.subjects[i];
    if (!proto::is_valid_subject(subject)) return invalid("invalid subject");
    if (auto fault = check_reserved(config, subject)) return fault;
    const bool wildcard = proto::has_wildcard(subject);
    if (auto fault = comparisons.spend(wildcard ? config.subjects.size() : set.wildcards() + 1))
      return fault;
    if (const size_t other = set.colliding(subject, i + 1); other != SubjectSet::npos)
      return invalid("subject " + proto::quote_go(subject) + " overlaps with " +
                     proto::quote_go(config.subjects[other]));
  }
  return std::nullopt;
}

Fault check_max_bytes(const CheckContext& context, const StreamConfig& config) {
  const AccountLimits& account = context.account;
  if (account.max_bytes_required && config.max_bytes <= 0)
    return api_error(JsErr::max_bytes_required);
  const int64_t limit = config.storage == StorageKind::memory ? account.memory_max_stream_bytes
                                                              : account.storage_max_stream_bytes;
  if (limit > 0 && config.max_bytes > limit) return api_error(JsErr::max_stream_bytes_exceeded);
  return std::nullopt;
}

Fault check_transform(const StreamConfig& config) {
  if (!config.subject_transform) return std::nullopt;
  const auto& [source, destination] = *config.subject_transform;
  if (!source.empty() && !proto::is_valid_subject(source))
    return api_error(JsErr::transform_invalid_source, "invalid subject " + source);
  const std::string fault = check_mapping(source, destination);
  if (!fault.empty()) return api_error(JsErr::transform_invalid_destination, fault);
  return std::nullopt;
}

Fault check_republish(const CheckContext& context, StreamConfig& config) {
  if (!config.republish) return std::nullopt;
  auto& [source, destination, headers_only] = *config.republish;
  if (source.empty()) {
    if (context.pedantic) return pedantic_fault("republish source can not be empty");
    source = ">";
  }
  // Everything, under its own subject: no cycle where a transform gives all of it another one.
  if (destination == ">" && source == ">" && config.subject_transform &&
      config.subjects.size() == 1 && config.subject_transform->source == config.subjects[0]) {
    if (context.pedantic) return pedantic_fault("implicit republish based on subject transform");
    source = destination = config.subject_transform->destination;
  }
  for (const std::string& subject : config.subjects)
    if (subject == destination || proto::collide(destination, subject))
      return invalid("stream configuration for republish destination forms a cycle");
  std::string fault;
  if (!destination.empty() && !SubjectTransform::make(source, destination, fault))
    return invalid("stream configuration for republish with transform from '" + source + "' to '" +
                   destination + "' not valid");
  return std::nullopt;
}

Fault check_placement(StreamConfig& config) {
  if (config.placement == Placement{}) config.placement.reset();
  if (config.placement && !config.placement->preferred.empty())
    return invalid("preferred server not permitted in placement");
  return std::nullopt;
}

int64_t add_saturating(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

// What `bytes` of a stream count for in its account: replicas count, each.
int64_t account_bytes(int64_t replicas, int64_t bytes) {
  if (bytes <= 0) return 0;
  int64_t product = bytes;
  if (replicas > 1 && __builtin_mul_overflow(bytes, replicas, &product))
    return std::numeric_limits<int64_t>::max();
  return product;
}

// What the streams other than `config` have reserved of its kind of storage.
struct Reserved {
  int64_t account = 0;
  int64_t server = 0;
  size_t streams = 0;
};

Reserved reserved_by_others(const StreamCatalogue& streams, const StreamConfig& config) {
  Reserved reserved;
  streams.each([&](const StreamConfig& other) {
    if (other.name == config.name) return;
    ++reserved.streams;
    if (other.max_bytes <= 0 || other.storage != config.storage) return;
    reserved.server = add_saturating(reserved.server, other.max_bytes);
    reserved.account =
        add_saturating(reserved.account, account_bytes(other.num_replicas, other.max_bytes));
  });
  return reserved;
}

// Is there room for `bytes` more than what is reserved? -1 asks whether there is any.
Fault check_room(const CheckContext& context, const StreamConfig& config, int64_t bytes,
                 const Reserved& reserved) {
  const AccountLimits& account = context.account;
  if (config.max_consumers > 0 && account.max_consumers > 0 &&
      config.max_consumers > account.max_consumers)
    return api_error(JsErr::maximum_consumers_limit);
  // As in nats-server, whose first look at a request comes before the default.
  if (config.storage == StorageKind::unset) return std::nullopt;
  const bool memory = config.storage == StorageKind::memory;
  const int64_t account_max = memory ? account.max_memory : account.max_storage;
  const int64_t server_max = memory ? context.server.max_memory : context.server.max_storage;
  const int64_t add = bytes < 0 ? 1 : bytes;
  const auto exceeds = [](int64_t used, int64_t more, int64_t max) {
    return used > max || more > max - used;
  };
  if ((account_max >= 0 &&
       exceeds(reserved.account, account_bytes(config.num_replicas, add), account_max)) ||
      exceeds(reserved.server, add, server_max))
    return api_error(memory ? JsErr::memory_resources_exceeded : JsErr::storage_resources_exceeded);
  return std::nullopt;
}

Fault check_account(const CheckContext& context, const StreamConfig& config) {
  const Reserved reserved = reserved_by_others(context.streams, config);
  if (context.account.max_streams > 0 &&
      reserved.streams >= static_cast<size_t>(context.account.max_streams))
    return api_error(JsErr::maximum_streams_limit);
  return check_room(context, config, config.max_bytes, reserved);
}

// What may not change, or only in one direction.
Fault check_changes(const StreamConfig& old, const StreamConfig& config) {
  if (config.storage != old.storage)
    return invalid("stream configuration update can not change storage type");
  if (config.retention != old.retention &&
      (old.retention == Retention::workqueue || config.retention == Retention::workqueue))
    return invalid("stream configuration update can not change retention policy to/from workqueue");
  if (old.sealed && !config.sealed)
    return invalid("stream configuration update can not unseal a sealed stream");
  if (old.deny_delete && !config.deny_delete)
    return invalid("stream configuration update can not cancel deny message deletes");
  if (old.deny_purge && !config.deny_purge)
    return invalid("stream configuration update can not cancel deny purge");
  // Without a mirror it becomes a stream in its own right.
  if (config.mirror && config.mirror != old.mirror) return api_error(JsErr::mirror_not_updatable);
  if (old.allow_msg_ttl && !config.allow_msg_ttl)
    return invalid("message TTL status can not be disabled");
  if (config.allow_msg_counter != old.allow_msg_counter)
    return invalid("stream configuration update can not change message counter setting");
  if (old.allow_msg_schedules && !config.allow_msg_schedules)
    return invalid("message schedules can not be disabled");
  if (config.persist_mode != old.persist_mode)
    return invalid("stream configuration update can not change persist mode");
  return std::nullopt;
}

Fault check_room_for_update(const CheckContext& context, const StreamConfig& old,
                            const StreamConfig& config) {
  const int64_t old_bytes = std::max<int64_t>(old.max_bytes, 0);
  const int64_t more = std::max<int64_t>(std::max<int64_t>(config.max_bytes, 0) - old_bytes, 0);
  Reserved reserved = reserved_by_others(context.streams, config);
  reserved.account =
      add_saturating(reserved.account, account_bytes(config.num_replicas, config.max_bytes - more));
  reserved.server = add_saturating(reserved.server, old_bytes);
  return check_room(context, config, more, reserved);
}

}  // namespace

bool is_valid_asset_name(std::string_view name) {
  constexpr std::string_view kRefused(" \t\r\n\f.*>\\/\0", 11);
  return !name.empty() && name.find_first_of(kRefused) == std::string_view::npos;
}

std::optional<ApiError> check_config(const CheckContext& context, StreamConfig& config) {
  Comparisons comparisons;
  if (auto fault = check_texts(config)) return fault;
  if (auto fault = check_limits(context, config)) return fault;
  if (auto fault = check_duplicate_window(context, config)) return fault;
  if (auto fault = check_features(context, config)) return fault;
  if (auto fault = check_origins(context, config, comparisons)) return fault;
  if (auto fault = check_subjects(config, comparisons)) return fault;
  if (auto fault = check_max_bytes(context, config)) return fault;
  if (auto fault = check_transform(config)) return fault;
  if (auto fault = check_republish(context, config)) return fault;
  return check_placement(config);
}

std::optional<ApiError> check_overlap(const StreamCatalogue& streams,
                                      const std::vector<std::string>& subjects,
                                      std::string_view except) {
  if (subjects.empty()) return std::nullopt;
  const SubjectSet set(subjects);
  Comparisons comparisons;
  Fault fault;
  streams.each([&](const StreamConfig& other) {
    if (fault || other.name == except) return;
    for (const std::string& subject : other.subjects) {
      fault =
          comparisons.spend(proto::has_wildcard(subject) ? subjects.size() : set.wildcards() + 1);
      if (!fault && set.colliding(subject, 0) != SubjectSet::npos)
        fault = api_error(JsErr::subject_overlap);
      if (fault) return;
    }
  });
  return fault;
}

std::optional<ApiError> check_create(const CheckContext& context, std::string_view subject_name,
                                     StreamConfig& config, bool& exists) {
  exists = false;
  if (subject_name != config.name) return api_error(JsErr::stream_mismatch);
  if (config.name.find_first_of("\\/") != std::string::npos)
    return api_error(JsErr::name_contains_path_separators);
  if (config.sealed) return invalid("stream configuration for create can not be sealed");
  if (config.mirror_direct && !config.mirror)
    return invalid("stream has no mirror but does have mirror direct");
  if (auto fault = check_account(context, config)) return fault;
  set_static_metadata(config);
  if (auto fault = check_config(context, config)) return fault;
  if (config.num_replicas > 1) return api_error(JsErr::replicas_not_supported);
  if (const StreamConfig* const old = context.streams.find(config.name)) {
    if (!same_stream(*old, config)) return api_error(JsErr::stream_name_exists);
    exists = true;
    return std::nullopt;
  }
  if (auto fault = check_account(context, config)) return fault;
  if (const std::string filter = check_origin_filters(config); !filter.empty())
    return api_error(JsErr::stream_create, filter);
  return check_overlap(context.streams, config.subjects, config.name);
}

std::optional<ApiError> check_update(const CheckContext& context, std::string_view subject_name,
                                     StreamConfig& config) {
  if (auto fault = check_config(context, config)) return fault;
  if (subject_name != config.name) return api_error(JsErr::stream_mismatch);
  const StreamConfig* const old = context.streams.find(config.name);
  if (old == nullptr) return api_error(JsErr::stream_not_found);
  set_static_metadata(config);
  if (auto fault = check_changes(*old, config)) return fault;
  if (config.sealed) {
    config.max_age_ns = 0;
    config.discard = Discard::newest;
    config.deny_delete = config.deny_purge = true;
    config.allow_rollup = false;
  }
  if (auto fault = check_room_for_update(context, *old, config)) return fault;
  if (const std::string filter = check_origin_filters(config); !filter.empty())
    return api_error(JsErr::stream_update, filter);
  if (auto fault = check_overlap(context.streams, config.subjects, config.name)) return fault;
  // nats-server takes them here, and shows replicas that it does not have.
  if (config.num_replicas > 1) return api_error(JsErr::replicas_not_supported);
  return std::nullopt;
}

}  // namespace pipit::js
