#include "jetstream/catalogue.h"

#include <set>

#include "jetstream/expiry.h"
#include "jetstream/schedules.h"
#include "jetstream/stream.h"
#include "jetstream/stream_config_json.h"

namespace pipit::js {

store::StreamSettings Catalogue::settings_of(const StreamConfig& config, const Timestamp& created) {
  store::StreamSettings settings;
  settings.max_msgs = config.max_msgs;
  settings.max_bytes = config.max_bytes;
  settings.max_msgs_per_subject = config.max_msgs_per_subject;
  settings.discard_new = config.discard == Discard::newest;
  settings.discard_new_per_subject = config.discard_new_per_subject;
  settings.async = config.persist_mode == PersistMode::async;
  settings.max_age_ns = config.max_age_ns;
  settings.duplicate_window_ns = config.duplicate_window_ns;
  settings.compress = config.compression != Compression::none;
  settings.config = write_stored_stream({created, config});
  return settings;
}

AckWhen Catalogue::ack_when(const StreamConfig& config) const {
  if (config.storage == StorageKind::memory) return AckWhen::at_once;
  const bool written = !settings_.sync_always || config.persist_mode == PersistMode::async;
  return written ? AckWhen::written : AckWhen::durable;
}

void Catalogue::derive(StreamSetup& setup) {
  setup.ack_when = ack_when(setup.config);
  setup.quota = setup.config.storage == StorageKind::memory ? &memory_quota_ : &file_quota_;
  // They were checked when they were asked for. An empty destination leaves subjects as they are.
  std::string fault;
  setup.transform.reset();
  setup.republish.reset();
  if (const auto& wanted = setup.config.subject_transform)
    setup.transform = SubjectTransform::make(
        wanted->source, wanted->destination.empty() ? ">" : wanted->destination, fault);
  if (const auto& wanted = setup.config.republish)
    setup.republish = SubjectTransform::make(
        wanted->source, wanted->destination.empty() ? ">" : wanted->destination, fault);
}

Result<void> Catalogue::recover(int64_t now_ns) {
  for (const auto& [id, name] : file_.streams()) {
    if (name.ends_with(Schedules::kSuffix)) continue;
    if (name == SourceNotes::kStoreName) continue;
    auto kept = file_.settings(id);
    if (!kept) return kept.take_error();
    const auto stored = read_stored_stream(kept.value().config);
    if (!stored || store_name(stored->config.name) != name) {
      settings_.log(Settings::Say::error,
                    "Stream with a definition that cannot be read is left alone: " + name);
      continue;
    }
    auto setup = std::make_shared<StreamSetup>();
    setup->config = stored->config;
    setup->created_ns = stored->created.unix_ns();
    setup->definition = setup->id = id;
    setup->store = &file_;
    derive(*setup);
    if (setup->config.storage == StorageKind::memory) {
      setup->store = &memory_;
      auto made = memory_.create_stream(name, kept.value(), setup->config.first_seq, setup->id);
      if (!made) return made.take_error();
    }
    PIPIT_TRY(Schedules::open(*setup, name));
    expire_all(*setup, now_ns);
    bool opened = false;
    homes_.run(homes_.of(stored->config.name), [&](Shard& shard) { opened = shard.open(setup); });
    if (!opened)
      return Error{Errc::invalid_argument, 0, "JetStream", "cannot listen for stream " + name};
    keep(std::move(setup));
  }
  drop_orphans();
  file_quota_.count();
  return {};
}

// What a crash has left beside a stream that was deleted.
void Catalogue::drop_orphans() {
  std::set<std::string, std::less<>> names;
  for (const auto& [id, name] : file_.streams()) names.insert(name);
  for (const auto& [id, name] : file_.streams()) {
    const std::string_view whole = name;
    if (!whole.ends_with(Schedules::kSuffix)) continue;
    if (!names.contains(whole.substr(0, whole.size() - Schedules::kSuffix.size())))
      (void)file_.delete_stream(id);
  }
}

SetupRef Catalogue::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(name);
  return found == streams_.end() ? nullptr : found->second;
}

std::vector<SetupRef> Catalogue::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<SetupRef> all;
  for (const auto& [name, setup] : streams_) all.push_back(setup);
  return all;
}

Usage Catalogue::usage() const {
  Usage usage;
  for (const SetupRef& stream : all()) {
    const bool memory = stream->config.storage == StorageKind::memory;
    ++usage.streams;
    if (stream->config.max_bytes > 0)
      (memory ? usage.reserved_memory : usage.reserved_storage) +=
          static_cast<uint64_t>(stream->config.max_bytes);
    const auto state = stream->store->state(stream->id);
    if (!state) continue;
    usage.messages += state.value().messages;
    (memory ? usage.memory : usage.storage) += state.value().bytes;
  }
  return usage;
}

void Catalogue::keep(SetupRef setup) {
  {
    const std::lock_guard lock(mutex_);
    streams_[setup->name()] = setup;
  }
  followers_->set(setup);
}

std::optional<ApiError> Catalogue::create(StreamConfig config, int64_t now_ns, SetupRef& out) {
  const auto setup = std::make_shared<StreamSetup>();
  setup->config = std::move(config);
  setup->created_ns = now_ns;
  derive(*setup);
  const std::string name = store_name(setup->name());
  const store::StreamSettings settings = settings_of(setup->config, timestamp_utc(now_ns));
  commits_.begin();
  auto made = file_.create_stream(name, settings, setup->config.first_seq, setup->definition);
  if (!made) return stream_error(JsErr::stream_create, made.error());
  if (auto safe = commits_.wait(made.value().ticket, definition_when(*setup)); !safe)
    return stream_error(JsErr::stream_create, safe.error());
  setup->store = &file_;
  setup->id = setup->definition;
  if (setup->config.storage == StorageKind::memory) {
    setup->store = &memory_;
    made = memory_.create_stream(name, settings, setup->config.first_seq, setup->id);
    if (!made) return stream_error(JsErr::stream_create, made.error());
  }
  if (auto beside = Schedules::open(*setup, name); !beside)
    return stream_error(JsErr::stream_create, beside.error());
  const auto opened = std::make_shared<bool>(false);
  homes_.run(homes_.of(setup->name()),
             [opened, setup](Shard& shard) { *opened = shard.open(setup); });
  if (!*opened) return api_error(JsErr::stream_create, "the server stops");
  keep(setup);
  out = setup;
  if (on_change) on_change(setup->name(), "create");
  return {};
}

std::optional<ApiError> Catalogue::update(const StreamSetup& old, StreamConfig config,
                                          SetupRef& out) {
  const auto setup = std::make_shared<StreamSetup>(old);
  setup->config = std::move(config);
  derive(*setup);
  const store::StreamSettings settings =
      settings_of(setup->config, timestamp_utc(setup->created_ns));
  commits_.begin();
  auto changed = file_.update_stream(setup->definition, settings);
  if (!changed) return stream_error(JsErr::stream_update, changed.error());
  if (auto safe = commits_.wait(changed.value().through, definition_when(*setup)); !safe)
    return stream_error(JsErr::stream_update, safe.error());
  if (setup->store == &memory_) {
    changed = memory_.update_stream(setup->id, settings);
    if (!changed) return stream_error(JsErr::stream_update, changed.error());
  }
  if (auto beside = Schedules::open(*setup, store_name(setup->name())); !beside)
    return stream_error(JsErr::stream_update, beside.error());
  if (!homes_.run(homes_.of(setup->name()), [setup](Shard& shard) { shard.update(setup); }))
    return api_error(JsErr::stream_update, "the server stops");
  keep(setup);
  out = setup;
  if (on_change) on_change(setup->name(), "modify");
  return {};
}

std::optional<ApiError> Catalogue::remove(const StreamSetup& stream) {
  const std::string name = stream.name();
  followers_->drop(stream);
  // Nobody publishes to it any more; what was on its way is answered.
  if (!homes_.run(homes_.of(name), [name](Shard& shard) { shard.close(name); }))
    return api_error(JsErr::stream_delete, "the server stops");
  commits_.begin();
  auto gone = file_.delete_stream(stream.definition);
  if (gone && stream.store == &memory_) (void)memory_.delete_stream(stream.id);
  if (gone && stream.schedules != 0) (void)stream.store->delete_stream(stream.schedules);
  {
    const std::lock_guard lock(mutex_);
    streams_.erase(name);
  }
  followers_->wake();  // those that followed it
  if (!gone) return stream_error(JsErr::stream_delete, gone.error());
  if (auto safe = commits_.wait(gone.value().ticket,
                                settings_.sync_always ? AckWhen::durable : AckWhen::written);
      !safe)
    return stream_error(JsErr::stream_delete, safe.error());
  if (on_change) on_change(name, "delete");
  return {};
}

ApiError stream_error(JsErr kind, const Error& error) {
  return api_error(kind, store_error(error).description);
}

}  // namespace pipit::js
