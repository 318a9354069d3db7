#include "jetstream/advisory.h"

#include "jetstream/rfc3339.h"
#include "protocol/json_writer.h"

namespace pipit::js {
namespace {

constexpr std::string_view kSubjects = "$JS.EVENT.ADVISORY.";

void begin(proto::JsonWriter& json, const Settings& settings, int64_t now_ns, const char* kind) {
  json.begin_object();
  json.field("type", std::string("io.nats.jetstream.advisory.v1.") + kind);
  json.field("id", settings.new_id()).field("timestamp", format_unix_ns(now_ns));
}

}  // namespace

Advisory stream_advisory(const Settings& settings, int64_t now_ns, const std::string& stream,
                         std::string_view action) {
  const char* const verb = action == "create"   ? "CREATED"
                           : action == "delete" ? "DELETED"
                                                : "UPDATED";
  Advisory advisory;
  advisory.subject = std::string(kSubjects) + "STREAM." + verb + '.' + stream;
  proto::JsonWriter json(advisory.json);
  begin(json, settings, now_ns, "stream_action");
  json.field("stream", stream).field("action", action);
  if (!settings.domain.empty()) json.field("domain", settings.domain);
  json.end_object();
  return advisory;
}

Advisory batch_abandoned(const Settings& settings, int64_t now_ns, const std::string& stream,
                         std::string_view batch, std::string_view reason) {
  Advisory advisory;
  advisory.subject = std::string(kSubjects) + "STREAM.BATCH_ABANDONED." + stream;
  proto::JsonWriter json(advisory.json);
  begin(json, settings, now_ns, "stream_batch_abandoned");
  json.field("stream", stream);
  if (!settings.domain.empty()) json.field("domain", settings.domain);
  json.field("batch", batch).field("reason", reason);
  json.end_object();
  return advisory;
}

std::string api_audit(const Settings& settings, int64_t now_ns, std::string_view subject,
                      std::string_view request, std::string_view response) {
  std::string text;
  proto::JsonWriter json(text);
  begin(json, settings, now_ns, "api_audit");
  json.field("server", settings.server_name);
  json.key("client").begin_object().field("acc", settings.account);
  json.field("server", settings.server_name).end_object();
  json.field("subject", subject);
  if (!request.empty()) json.field("request", request);
  json.field("response", response);
  if (!settings.domain.empty()) json.field("domain", settings.domain);
  json.end_object();
  return text;
}

Advisory out_of_storage(const Settings& settings, int64_t now_ns) {
  Advisory advisory;
  advisory.subject = std::string(kSubjects) + "SERVER.OUT_OF_STORAGE";
  proto::JsonWriter json(advisory.json);
  begin(json, settings, now_ns, "server_out_of_space");
  json.field("server", settings.server_name).field("server_id", settings.server_id);
  json.field("stream", "").field("cluster", "");
  if (!settings.domain.empty()) json.field("domain", settings.domain);
  json.end_object();
  return advisory;
}

Advisory api_limit_reached(const Settings& settings, int64_t now_ns, size_t dropped) {
  Advisory advisory;
  advisory.subject = std::string(kApiAuditSubject) + ".LIMIT_REACHED";
  proto::JsonWriter json(advisory.json);
  begin(json, settings, now_ns, "api_limit_reached");
  json.field("server", settings.server_name).field("dropped", uint64_t{dropped}).end_object();
  return advisory;
}

}  // namespace pipit::js
