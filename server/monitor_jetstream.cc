#include "server/monitor_jetstream.h"

#include <algorithm>

#include "jetstream/manager.h"
#include "jetstream/stream_config_json.h"
#include "jetstream/stream_report.h"
#include "server/broker.h"

namespace pipit {
namespace {

using proto::JsonWriter;

void write_config(JsonWriter& w, const js::Manager* jetstream) {
  w.key("config").begin_object();
  if (jetstream == nullptr) {
    w.field("max_memory", 0).field("max_storage", 0).end_object();
    return;
  }
  const js::Settings& s = jetstream->settings();
  w.field("max_memory", s.max_memory).field("max_storage", s.max_file);
  w.field("store_dir", s.folder).field("sync_interval", s.sync_interval_ns);
  if (s.sync_always) w.field("sync_always", true);
  if (!s.domain.empty()) w.field("domain", s.domain).field("compress_ok", true);
  if (s.strict) w.field("strict", true);
  w.end_object();
}

void write_api(JsonWriter& w, const js::Manager* jetstream, int level) {
  w.key("api").begin_object().field("level", level);
  w.field("total", jetstream == nullptr ? 0 : jetstream->api().total());
  w.field("errors", jetstream == nullptr ? 0 : jetstream->api().errors()).end_object();
}

void write_account(JsonWriter& w, const js::Manager& jetstream, const js::Usage& usage,
                   const MonitorQuery& query) {
  const std::string& name = jetstream.settings().account;
  w.begin_object().field("name", name).field("id", name);
  // No account has reserved anything for itself: nats-server prints -1 without its sign.
  w.field("memory", usage.memory).field("storage", usage.storage);
  w.field("reserved_memory", UINT64_MAX).field("reserved_storage", UINT64_MAX);
  w.field("accounts", 0).field("ha_assets", 0);
  write_api(w, &jetstream, 0);
  const std::vector<js::SetupRef> streams = jetstream.catalogue().all();
  if (query.streams && !streams.empty()) {
    w.key("stream_detail").begin_array();
    for (const js::SetupRef& stream : streams) {
      w.begin_object().field("name", stream->name());
      w.field("created", js::format_unix_ns(stream->created_ns));
      w.key("cluster").begin_object();
      w.field("leader", jetstream.settings().server_name).end_object();
      if (query.config) js::write_stream_config(w.key("config"), stream->config);
      js::write_state(w, *stream, nullptr);
      w.end_object();
    }
    w.end_array();
  }
  w.end_object();
}

}  // namespace

std::string jsz_json(const MonitorInput& in, const MonitorQuery& query) {
  const js::Manager* const jetstream = in.broker.jetstream;
  const js::Usage usage = jetstream == nullptr ? js::Usage{} : jetstream->usage();
  const int accounts = jetstream == nullptr ? 0 : 1;
  std::string out;
  JsonWriter w(out, true);
  w.begin_object();
  js::write_usage(w, usage);
  w.field("accounts", accounts).field("ha_assets", 0);
  write_api(w, jetstream, jetstream == nullptr ? 0 : js::kApiLevel);
  w.field("server_id", in.broker.server_id).field("now", rfc3339(in.now_ns));
  if (jetstream == nullptr) w.field("disabled", true);
  write_config(w, jetstream);
  if (jetstream != nullptr) w.key("limits").begin_object().end_object();
  w.field("streams", usage.streams).field("consumers", 0);
  w.field("messages", usage.messages).field("bytes", usage.memory + usage.storage);
  const bool listed = jetstream != nullptr && query.accounts && query.offset == 0 &&
                      (query.account.empty() || query.account == jetstream->settings().account);
  if (listed) {
    w.key("account_details").begin_array();
    write_account(w, *jetstream, usage, query);
    w.end_array();
  }
  w.field("total", accounts).end_object();
  return out;
}

void write_jetstream_varz(JsonWriter& w, const MonitorInput& in) {
  const js::Manager* const jetstream = in.broker.jetstream;
  w.begin_object();
  if (jetstream != nullptr) {
    write_config(w, jetstream);
    w.key("stats").begin_object();
    js::write_usage(w, jetstream->usage());
    w.field("accounts", 1).field("ha_assets", 0);
    write_api(w, jetstream, js::kApiLevel);
    w.end_object();
    w.key("limits").begin_object().end_object();
  }
  w.end_object();
}

Health health_of(const Broker& broker, const MonitorQuery& query) {
  const auto error = [](std::string status, const char* kind, const std::string& text) {
    Health health{std::move(status), {}};
    JsonWriter w(health.json);
    w.begin_object().field("status", kind).field("error", text).end_object();
    return health;
  };
  if (!query.stream.empty() && query.account.empty())
    return error("400 Bad Request", "error",
                 "\"account\" must not be empty when checking stream health");
  if (broker.jetstream != nullptr && !query.stream.empty() &&
      (query.account != broker.account.name ||
       broker.jetstream->catalogue().find(query.stream) == nullptr))
    return error(
        "404 Not Found", "unavailable",
        "JetStream stream \"" + query.stream + "\" not found on account \"" + query.account + '"');
  return {"200 OK", "{\"status\":\"ok\"}"};
}

}  // namespace pipit
