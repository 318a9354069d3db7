#include "jetstream/stream_config_json.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pipit::js {
namespace {

using proto::JsonField;
using proto::JsonReader;
using proto::JsonShape;
using proto::JsonWriter;

constexpr std::string_view kRetentionWords[] = {"limits", "interest", "workqueue"};
constexpr std::string_view kDiscardWords[] = {"old", "new"};
constexpr std::string_view kStorageWords[] = {"", "file", "memory"};
constexpr std::string_view kCompressionWords[] = {"none", "s2"};
constexpr std::string_view kPersistWords[] = {"default", "async"};

// Words of an enumeration in the order of its values. nats-server compares the text between the
// commas, so that an escape or a null is as wrong as an unknown word. An empty word is for values
// that have none.
template <class Enum, size_t N>
void read_enum(JsonReader& json, Enum& out, const std::string_view (&words)[N],
               bool any_case = false) {
  const std::string_view raw = json.raw();
  std::string text(raw);
  if (any_case)
    for (char& c : text)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  for (size_t i = 0; i < N; ++i)
    if (!words[i].empty() && text.size() == words[i].size() + 2 && text.front() == '"' &&
        std::string_view(text).substr(1, words[i].size()) == words[i]) {
      out = static_cast<Enum>(i);
      return;
    }
  json.abort("can not unmarshal " + proto::quote_go(raw));
}

void read_compression(JsonReader& json, Compression& out) {
  const std::optional<std::string> word = json.string_or_abort();
  if (!word) return;
  const auto* const found = std::ranges::find(kCompressionWords, *word);
  if (found == std::end(kCompressionWords)) return json.abort("unknown compression algorithm");
  out = static_cast<Compression>(found - kCompressionWords);
}

void read_persist_mode(JsonReader& json, PersistMode& out) {
  JsonReader ahead = json;
  if (ahead.raw() == "\"\"") {
    json.raw();
    out = PersistMode::standard;
    return;
  }
  read_enum(json, out, kPersistWords);
}

constexpr std::string_view kDuration = "time.Duration";

constexpr JsonField<SubjectTransformConfig> kTransformFields[] = {
    {"src", [](JsonReader& json, SubjectTransformConfig& t) { json.read(t.source); }},
    {"dest", [](JsonReader& json, SubjectTransformConfig& t) { json.read(t.destination); }},
};
constexpr JsonShape<SubjectTransformConfig> kTransform{"SubjectTransformConfig", kTransformFields};

constexpr JsonField<RePublish> kRePublishFields[] = {
    {"src", [](JsonReader& json, RePublish& r) { json.read(r.source); }},
    {"dest", [](JsonReader& json, RePublish& r) { json.read(r.destination); }},
    {"headers_only", [](JsonReader& json, RePublish& r) { json.read(r.headers_only); }},
};
constexpr JsonShape<RePublish> kRePublish{"RePublish", kRePublishFields};

constexpr JsonField<Placement> kPlacementFields[] = {
    {"cluster", [](JsonReader& json, Placement& p) { json.read(p.cluster); }},
    {"tags", [](JsonReader& json, Placement& p) { json.read(p.tags); }},
    {"preferred", [](JsonReader& json, Placement& p) { json.read(p.preferred); }},
};
constexpr JsonShape<Placement> kPlacement{"Placement", kPlacementFields};

constexpr JsonField<ExternalStream> kExternalFields[] = {
    {"api", [](JsonReader& json, ExternalStream& e) { json.read(e.api_prefix); }},
    {"deliver", [](JsonReader& json, ExternalStream& e) { json.read(e.deliver_prefix); }},
};
constexpr JsonShape<ExternalStream> kExternal{"ExternalStream", kExternalFields};

constexpr JsonField<SourceConsumer> kSourceConsumerFields[] = {
    {"name", [](JsonReader& json, SourceConsumer& c) { json.read(c.name); }},
    {"deliver_subject", [](JsonReader& json, SourceConsumer& c) { json.read(c.deliver_subject); }},
};
constexpr JsonShape<SourceConsumer> kSourceConsumer{"StreamConsumerSource", kSourceConsumerFields};

constexpr JsonField<StreamSource> kSourceFields[] = {
    {"name", [](JsonReader& json, StreamSource& s) { json.read(s.name); }},
    {"opt_start_seq", [](JsonReader& json, StreamSource& s) { json.read(s.opt_start_seq); }},
    {"opt_start_time",
     [](JsonReader& json, StreamSource& s) { read_timestamp(json, s.opt_start_time); }},
    {"filter_subject", [](JsonReader& json, StreamSource& s) { json.read(s.filter_subject); }},
    {"subject_transforms",
     [](JsonReader& json, StreamSource& s) { json.read(s.subject_transforms, kTransform, false); }},
    {"external", [](JsonReader& json, StreamSource& s) { json.read(s.external, kExternal); }},
    {"consumer", [](JsonReader& json, StreamSource& s) { json.read(s.consumer, kSourceConsumer); }},
};
constexpr JsonShape<StreamSource> kSource{"StreamSource", kSourceFields};

constexpr JsonField<ConsumerLimits> kConsumerLimitsFields[] = {
    {"inactive_threshold",
     [](JsonReader& json, ConsumerLimits& l) { json.read(l.inactive_threshold_ns, kDuration); }},
    {"max_ack_pending",
     [](JsonReader& json, ConsumerLimits& l) { json.read(l.max_ack_pending, "int"); }},
};
constexpr JsonShape<ConsumerLimits> kConsumerLimits{"StreamConsumerLimits", kConsumerLimitsFields};

constexpr JsonField<StreamConfig> kConfigFields[] = {
    {"name", [](JsonReader& json, StreamConfig& c) { json.read(c.name); }},
    {"description", [](JsonReader& json, StreamConfig& c) { json.read(c.description); }},
    {"subjects", [](JsonReader& json, StreamConfig& c) { json.read(c.subjects); }},
    {"retention",
     [](JsonReader& json, StreamConfig& c) { read_enum(json, c.retention, kRetentionWords); }},
    {"max_consumers", [](JsonReader& json, StreamConfig& c) { json.read(c.max_consumers, "int"); }},
    {"max_msgs", [](JsonReader& json, StreamConfig& c) { json.read(c.max_msgs); }},
    {"max_bytes", [](JsonReader& json, StreamConfig& c) { json.read(c.max_bytes); }},
    {"max_age", [](JsonReader& json, StreamConfig& c) { json.read(c.max_age_ns, kDuration); }},
    {"max_msgs_per_subject",
     [](JsonReader& json, StreamConfig& c) { json.read(c.max_msgs_per_subject); }},
    {"max_msg_size", [](JsonReader& json, StreamConfig& c) { json.read(c.max_msg_size); }},
    {"discard",
     [](JsonReader& json, StreamConfig& c) { read_enum(json, c.discard, kDiscardWords, true); }},
    {"storage",
     [](JsonReader& json, StreamConfig& c) { read_enum(json, c.storage, kStorageWords); }},
    {"num_replicas", [](JsonReader& json, StreamConfig& c) { json.read(c.num_replicas, "int"); }},
    {"no_ack", [](JsonReader& json, StreamConfig& c) { json.read(c.no_ack); }},
    {"duplicate_window",
     [](JsonReader& json, StreamConfig& c) { json.read(c.duplicate_window_ns, kDuration); }},
    {"placement", [](JsonReader& json, StreamConfig& c) { json.read(c.placement, kPlacement); }},
    {"mirror", [](JsonReader& json, StreamConfig& c) { json.read(c.mirror, kSource); }},
    {"sources", [](JsonReader& json, StreamConfig& c) { json.read(c.sources, kSource, true); }},
    {"compression",
     [](JsonReader& json, StreamConfig& c) { read_compression(json, c.compression); }},
    {"first_seq", [](JsonReader& json, StreamConfig& c) { json.read(c.first_seq); }},
    {"subject_transform",
     [](JsonReader& json, StreamConfig& c) { json.read(c.subject_transform, kTransform); }},
    {"republish", [](JsonReader& json, StreamConfig& c) { json.read(c.republish, kRePublish); }},
    {"allow_direct", [](JsonReader& json, StreamConfig& c) { json.read(c.allow_direct); }},
    {"mirror_direct", [](JsonReader& json, StreamConfig& c) { json.read(c.mirror_direct); }},
    {"discard_new_per_subject",
     [](JsonReader& json, StreamConfig& c) { json.read(c.discard_new_per_subject); }},
    {"sealed", [](JsonReader& json, StreamConfig& c) { json.read(c.sealed); }},
    {"deny_delete", [](JsonReader& json, StreamConfig& c) { json.read(c.deny_delete); }},
    {"deny_purge", [](JsonReader& json, StreamConfig& c) { json.read(c.deny_purge); }},
    {"allow_rollup_hdrs", [](JsonReader& json, StreamConfig& c) { json.read(c.allow_rollup); }},
    {"consumer_limits",
     [](JsonReader& json, StreamConfig& c) { json.read(c.consumer_limits, kConsumerLimits); }},
    {"allow_msg_ttl", [](JsonReader& json, StreamConfig& c) { json.read(c.allow_msg_ttl); }},
    {"subject_delete_marker_ttl",
     [](JsonReader& json, StreamConfig& c) {
       json.read(c.subject_delete_marker_ttl_ns, kDuration);
     }},
    {"allow_msg_counter",
     [](JsonReader& json, StreamConfig& c) { json.read(c.allow_msg_counter); }},
    {"allow_atomic", [](JsonReader& json, StreamConfig& c) { json.read(c.allow_atomic); }},
    {"allow_msg_schedules",
     [](JsonReader& json, StreamConfig& c) { json.read(c.allow_msg_schedules); }},
    {"persist_mode",
     [](JsonReader& json, StreamConfig& c) { read_persist_mode(json, c.persist_mode); }},
    {"allow_batched", [](JsonReader& json, StreamConfig& c) { json.read(c.allow_batched); }},
    {"metadata", [](JsonReader& json, StreamConfig& c) { json.read(c.metadata); }},
};

}  // namespace

constinit const JsonShape<StreamConfig> kStreamConfigShape{"StreamConfig", kConfigFields};

namespace {

// The fields of a struct that Outer embeds, as fields of Outer.
template <class Outer, StreamConfig Outer::*Member, size_t... I>
constexpr std::array<JsonField<Outer>, sizeof...(I)> embed(std::index_sequence<I...>) {
  return {JsonField<Outer>{
      kConfigFields[I].name,
      [](JsonReader& json, Outer& outer) { kConfigFields[I].read(json, outer.*Member); },
      "StreamConfig"}...};
}

template <class Outer, StreamConfig Outer::*Member>
constexpr auto with_config_fields(JsonField<Outer> own) {
  constexpr size_t kCount = std::size(kConfigFields);
  std::array<JsonField<Outer>, kCount + 1> fields{};
  const auto embedded = embed<Outer, Member>(std::make_index_sequence<kCount>());
  std::ranges::copy(embedded, fields.begin());
  fields[kCount] = own;
  return fields;
}

constexpr auto kRequestFields =
    with_config_fields<StreamConfigRequest, &StreamConfigRequest::config>(
        {"pedantic", [](JsonReader& json, StreamConfigRequest& r) { json.read(r.pedantic); }});
constexpr JsonShape<StreamConfigRequest> kRequest{"StreamConfigRequest", kRequestFields};

constexpr auto kStoredFields = with_config_fields<StoredStream, &StoredStream::config>(
    {"created", [](JsonReader& json, StoredStream& s) {
       std::optional<Timestamp> created;
       read_timestamp(json, created);
       if (created) s.created = *created;
     }});
constexpr JsonShape<StoredStream> kStored{"FileStreamInfo", kStoredFields};

// Members that are left out when they say nothing.
class Sparse {
 public:
  explicit Sparse(JsonWriter& json) : json_(json) {}
  void text(std::string_view name, const std::string& value) {
    if (!value.empty()) json_.field(name, value);
  }
  void flag(std::string_view name, bool value) {
    if (value) json_.field(name, true);
  }
  template <class Integer>
  void number(std::string_view name, Integer value) {
    if (value != 0) json_.field(name, value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    json_.key(name).begin_array();
    for (const std::string& value : values) json_.value(value);
    json_.end_array();
  }

 private:
  JsonWriter& json_;
};

void write_transform(JsonWriter& json, const SubjectTransformConfig& transform) {
  json.begin_object();
  json.field("src", transform.source).field("dest", transform.destination);
  json.end_object();
}

void write_source(JsonWriter& json, const StreamSource& source) {
  Sparse sparse(json);
  json.begin_object();
  json.field("name", source.name);
  sparse.number("opt_start_seq", source.opt_start_seq);
  if (source.opt_start_time) json.field("opt_start_time", format_rfc3339(*source.opt_start_time));
  sparse.text("filter_subject", source.filter_subject);
  if (!source.subject_transforms.empty()) {
    json.key("subject_transforms");
    write_transforms(json, source.subject_transforms);
  }
  if (source.external) {
    json.key("external");
    write_external(json, *source.external);
  }
  if (source.consumer) {
    json.key("consumer").begin_object();
    sparse.text("name", source.consumer->name);
    sparse.text("deliver_subject", source.consumer->deliver_subject);
    json.end_object();
  }
  json.end_object();
}

void write_metadata(JsonWriter& json, const StreamConfig& config, const ServerIdentity* server) {
  if (config.metadata.empty() && server == nullptr) return;
  json.key("metadata").begin_object();
  if (server == nullptr) {
    for (const auto& [key, value] : config.metadata) json.field(key, value);
  } else {
    auto shown = config.metadata;
    shown.insert_or_assign(std::string(kServerVersionKey), std::string(server->version));
    shown.insert_or_assign(std::string(kServerLevelKey), std::to_string(server->api_level));
    for (const auto& [key, value] : shown) json.field(key, value);
  }
  json.end_object();
}

template <class Enum, size_t N>
std::string_view word(Enum value, const std::string_view (&words)[N]) {
  return words[static_cast<size_t>(value)];
}

// The members, without the braces.
void write_members(JsonWriter& json, const StreamConfig& config, const ServerIdentity* server) {
  Sparse sparse(json);
  json.field("name", config.name);
  sparse.text("description", config.description);
  sparse.texts("subjects", config.subjects);
  json.field("retention", word(config.retention, kRetentionWords));
  json.field("max_consumers", config.max_consumers);
  json.field("max_msgs", config.max_msgs);
  json.field("max_bytes", config.max_bytes);
  json.field("max_age", config.max_age_ns);
  json.field("max_msgs_per_subject", config.max_msgs_per_subject);
  sparse.number("max_msg_size", config.max_msg_size);
  json.field("discard", word(config.discard, kDiscardWords));
  const bool memory = config.storage == StorageKind::memory;
  json.field("storage", word(memory ? config.storage : StorageKind::file, kStorageWords));
  json.field("num_replicas", config.num_replicas);
  sparse.flag("no_ack", config.no_ack);
  sparse.number("duplicate_window", config.duplicate_window_ns);
  if (config.placement) {
    json.key("placement").begin_object();
    sparse.text("cluster", config.placement->cluster);
    sparse.texts("tags", config.placement->tags);
    sparse.text("preferred", config.placement->preferred);
    json.end_object();
  }
  if (config.mirror) {
    json.key("mirror");
    write_source(json, *config.mirror);
  }
  if (!config.sources.empty()) {
    json.key("sources").begin_array();
    for (const StreamSource& source : config.sources) write_source(json, source);
    json.end_array();
  }
  json.field("compression", word(config.compression, kCompressionWords));
  sparse.number("first_seq", config.first_seq);
  if (config.subject_transform) {
    json.key("subject_transform");
    write_transform(json, *config.subject_transform);
  }
  if (config.republish) {
    json.key("republish").begin_object();
    sparse.text("src", config.republish->source);
    json.field("dest", config.republish->destination);
    sparse.flag("headers_only", config.republish->headers_only);
    json.end_object();
  }
  json.field("allow_direct", config.allow_direct);
  json.field("mirror_direct", config.mirror_direct);
  sparse.flag("discard_new_per_subject", config.discard_new_per_subject);
  json.field("sealed", config.sealed);
  json.field("deny_delete", config.deny_delete);
  json.field("deny_purge", config.deny_purge);
  json.field("allow_rollup_hdrs", config.allow_rollup);
  json.key("consumer_limits").begin_object();
  sparse.number("inactive_threshold", config.consumer_limits.inactive_threshold_ns);
  sparse.number("max_ack_pending", config.consumer_limits.max_ack_pending);
  json.end_object();
  json.field("allow_msg_ttl", config.allow_msg_ttl);
  sparse.number("subject_delete_marker_ttl", config.subject_delete_marker_ttl_ns);
  sparse.flag("allow_msg_counter", config.allow_msg_counter);
  sparse.flag("allow_atomic", config.allow_atomic);
  sparse.flag("allow_msg_schedules", config.allow_msg_schedules);
  if (config.persist_mode != PersistMode::standard)
    json.field("persist_mode", word(config.persist_mode, kPersistWords));
  sparse.flag("allow_batched", config.allow_batched);
  write_metadata(json, config, server);
}

}  // namespace

void read_timestamp(JsonReader& json, std::optional<Timestamp>& out) {
  if (json.is_null()) {
    json.raw();
    out.reset();
    return;
  }
  const std::string_view raw = json.raw();
  if (raw.size() < 2 || raw.front() != '"')
    return json.abort("Time.UnmarshalJSON: input is not a JSON string");
  std::string fault;
  out = parse_rfc3339(raw.substr(1, raw.size() - 2), fault);
  if (!out) json.abort(std::move(fault));
}

void write_transforms(JsonWriter& json, const std::vector<SubjectTransformConfig>& list) {
  json.begin_array();
  for (const SubjectTransformConfig& transform : list) write_transform(json, transform);
  json.end_array();
}

void write_external(JsonWriter& json, const ExternalStream& external) {
  json.begin_object();
  json.field("api", external.api_prefix).field("deliver", external.deliver_prefix);
  json.end_object();
}

std::string read_stream_request(std::string_view body, bool strict, StreamConfigRequest& out) {
  return proto::read_json_request(body, strict, out, kRequest);
}

void write_stream_config(JsonWriter& json, const StreamConfig& config,
                         const ServerIdentity* server) {
  json.begin_object();
  write_members(json, config, server);
  json.end_object();
}

std::string write_stored_stream(const StoredStream& stream) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.field("created", format_rfc3339(stream.created));
  write_members(json, stream.config, nullptr);
  json.end_object();
  return out;
}

std::optional<StoredStream> read_stored_stream(std::string_view text) {
  const proto::JsonScan scan = proto::scan_json(text);
  if (scan.end != proto::JsonScan::End::value || scan.size != text.size()) return std::nullopt;
  StoredStream stream;
  JsonReader reader(text, false);
  reader.read(stream, kStored);
  if (!reader.fault().empty() || stream.config.name.empty()) return std::nullopt;
  return stream;
}

}  // namespace pipit::js
