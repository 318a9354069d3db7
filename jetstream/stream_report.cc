#include "jetstream/stream_report.h"

#include "jetstream/stream_config_json.h"

namespace pipit::js {
namespace {

// What one answer lists of deleted sequences; more of them make no difference to anybody.
constexpr size_t kDeletedMax = 1'000'000;

void write_deleted(proto::JsonWriter& json, const StreamSetup& stream) {
  const auto ranges = stream.store->deleted(stream.id, kDeletedMax);
  if (!ranges || ranges.value().empty()) return;
  json.key("deleted").begin_array();
  size_t left = kDeletedMax;
  for (const store::SequenceRange& range : ranges.value())
    for (uint64_t seq = range.first; seq <= range.last && left > 0; ++seq, --left) json.value(seq);
  json.end_array();
}

void write_lost(proto::JsonWriter& json, const StreamSetup& stream) {
  const auto lost = stream.store->lost(stream.id);
  if (!lost || lost.value().empty()) return;
  json.key("lost").begin_object().key("msgs").begin_array();
  size_t left = kDeletedMax;
  for (const store::SequenceRange& range : lost.value())
    for (uint64_t seq = range.first; seq <= range.last && left > 0; ++seq, --left) json.value(seq);
  json.end_array().field("bytes", 0).end_object();
}

}  // namespace

void write_state(proto::JsonWriter& json, const StreamSetup& stream, const StateDetails* details) {
  const auto found = stream.store->state(stream.id);
  const store::StreamState state = found ? found.value() : store::StreamState{};
  json.key("state").begin_object();
  json.field("messages", state.messages).field("bytes", state.bytes);
  json.field("first_seq", state.first_seq).field("first_ts", format_unix_ns(state.first_ts_ns));
  json.field("last_seq", state.last_seq).field("last_ts", format_unix_ns(state.last_ts_ns));
  if (const auto count = stream.store->subject_count(stream.id); count && count.value() > 0)
    json.field("num_subjects", count.value());
  if (details != nullptr && !details->subjects.empty()) {
    json.key("subjects").begin_object();
    for (const auto& [subject, count] : details->subjects) json.field(subject, count);
    json.end_object();
  }
  const uint64_t deleted =
      state.messages > 0 ? state.last_seq - state.first_seq + 1 - state.messages : 0;
  if (deleted > 0) json.field("num_deleted", deleted);
  if (deleted > 0 && details != nullptr && details->deleted) write_deleted(json, stream);
  write_lost(json, stream);
  json.field("consumer_count", 0);
  json.end_object();
}

void write_usage(proto::JsonWriter& json, const Usage& usage) {
  json.field("memory", usage.memory).field("storage", usage.storage);
  json.field("reserved_memory", usage.reserved_memory);
  json.field("reserved_storage", usage.reserved_storage);
}

void write_config_and_state(proto::JsonWriter& json, const Settings& settings,
                            const StreamSetup& stream, WithServer server,
                            const StateDetails* details) {
  const ServerIdentity identity{settings.server_version, kApiLevel};
  json.key("config");
  write_stream_config(json, stream.config, server == WithServer::yes ? &identity : nullptr);
  json.field("created", format_unix_ns(stream.created_ns));
  write_state(json, stream, details);
}

}  // namespace pipit::js
