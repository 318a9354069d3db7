#include "jetstream/api.h"

#include "jetstream/required_level.h"
#include "jetstream/stream_report.h"
#include "protocol/subject.h"

namespace pipit::js {

namespace {

// A request, by its subject behind "$JS.API.": '*' is one token, '>' one or more.
struct Endpoint {
  std::string_view subject;
  std::string_view type;  // of the response, behind "io.nats.jetstream.api.v1."
  ApiOutcome (Api::*handle)(ApiCall&);
  std::string_view on_error = {};  // members that the response has besides the error
};

constexpr std::string_view kTypePrefix = "io.nats.jetstream.api.v1.";

}  // namespace

struct ApiEndpoints {
  static constexpr std::string_view kPage = R"(,"total":0,"offset":0,"limit":0)";
  static constexpr Endpoint kAll[] = {
      {"INFO", "account_info_response", &Api::account_info,
       R"(,"memory":0,"storage":0,"reserved_memory":0,"reserved_storage":0,"streams":0,"consumers":0,"limits":{"max_memory":0,"max_storage":0,"max_streams":0,"max_consumers":0,"max_ack_pending":0,"memory_max_stream_bytes":0,"storage_max_stream_bytes":0,"max_bytes_required":false},"api":{"level":0,"total":0,"errors":0})"},
      {"STREAM.CREATE.*", "stream_create_response", &Api::stream_create},
      {"STREAM.UPDATE.*", "stream_update_response", &Api::stream_update},
      {"STREAM.DELETE.*", "stream_delete_response", &Api::stream_delete},
      {"STREAM.INFO.*", "stream_info_response", &Api::stream_info, kPage},
      {"STREAM.NAMES", "stream_names_response", &Api::stream_names,
       R"(,"total":0,"offset":0,"limit":0,"streams":null)"},
      {"STREAM.LIST", "stream_list_response", &Api::stream_list,
       R"(,"total":0,"offset":0,"limit":0,"streams":[])"},
      {"STREAM.PURGE.*", "stream_purge_response", &Api::stream_purge, R"(,"purged":0)"},
      {"STREAM.MSG.GET.*", "stream_msg_get_response", &Api::message_get},
      {"STREAM.MSG.DELETE.*", "stream_msg_delete_response", &Api::message_delete},
      {"STREAM.SNAPSHOT.*", "stream_snapshot_response", &Api::not_built},
      {"STREAM.RESTORE.*", "stream_restore_response", &Api::not_built},
      {"STREAM.PEER.REMOVE.*", "stream_remove_peer_response", &Api::cluster_only},
      {"STREAM.LEADER.STEPDOWN.*", "stream_leader_stepdown_response", &Api::cluster_only},
      {"CONSUMER.LEADER.STEPDOWN.*.*", "consumer_leader_stepdown_response", &Api::cluster_only},
      {"CONSUMER.NAMES.*", "consumer_names_response", &Api::consumer_names,
       R"(,"total":0,"offset":0,"limit":0,"consumers":[])"},
      {"CONSUMER.LIST.*", "consumer_list_response", &Api::consumer_list,
       R"(,"total":0,"offset":0,"limit":0,"consumers":[])"},
      {"CONSUMER.INFO.*.*", "consumer_info_response", &Api::consumer_lookup},
      {"CONSUMER.DELETE.*.*", "consumer_delete_response", &Api::consumer_lookup},
      {"CONSUMER.CREATE.>", "consumer_create_response", &Api::not_built},
      {"CONSUMER.DURABLE.CREATE.*.*", "consumer_create_response", &Api::not_built},
      {"CONSUMER.PAUSE.*.*", "consumer_pause_response", &Api::consumer_lookup},
      {"CONSUMER.UNPIN.*.*", "consumer_unpin_response", &Api::consumer_lookup},
      {">", "system_response", &Api::unknown},
  };
};

bool Api::answers(std::string_view endpoint) {
  return !endpoint.starts_with("DIRECT.GET.") && !endpoint.starts_with("CONSUMER.MSG.NEXT.") &&
         !endpoint.starts_with("CONSUMER.RESET.");
}

bool Api::is_audited(const ApiRequest& request, std::string_view response) {
  return !request.subject.starts_with("$JS.API.STREAM.MSG.GET.") ||
         response.find("\"error\":{") != std::string_view::npos;
}

std::string Api::execute(const ApiRequest& request) {
  const std::string_view endpoint = std::string_view(request.subject).substr(kPrefix.size());
  const Endpoint* found = nullptr;
  for (const auto& each : ApiEndpoints::kAll)
    if (found == nullptr && (each.subject == ">" || proto::matches(each.subject, endpoint)))
      found = &each;
  total_.fetch_add(1, std::memory_order_relaxed);

  const auto begin = [&](proto::JsonWriter& json) {
    json.begin_object().field("type", std::string(kTypePrefix) + std::string(found->type));
  };
  std::string text;
  proto::JsonWriter json(text);
  begin(json);
  ApiCall call{{}, {}, request.body, request.headers, json};
  proto::Tokens wanted, given;
  if (found->subject != ">" && wanted.split(found->subject) && given.split(endpoint))
    for (size_t i = 0; i < wanted.size(); ++i)
      if (wanted[i] == "*" || wanted[i] == ">") {
        (call.stream.empty() ? call.stream : call.consumer) = given[i];
      }
  ApiOutcome outcome;
  if (requires_higher_level(request.headers)) outcome = api_error(JsErr::required_api_level);
  if (!outcome) outcome = (this->*found->handle)(call);
  if (!outcome) {
    json.end_object();
    return text;
  }
  errors_.fetch_add(1, std::memory_order_relaxed);
  text.clear();
  proto::JsonWriter failed(text);
  begin(failed);
  failed.key("error");
  write_api_error(failed, *outcome);
  text += found->on_error;
  text += '}';
  return text;
}

ApiOutcome Api::find(const ApiCall& call, SetupRef& out) const {
  out = catalogue_.find(call.stream);
  if (out == nullptr) return api_error(JsErr::stream_not_found);
  return {};
}

ApiOutcome Api::account_info(ApiCall& call) {
  const Usage usage = catalogue_.usage();
  proto::JsonWriter& json = call.json;
  write_usage(json, usage);
  json.field("streams", usage.streams).field("consumers", 0);
  json.key("limits").begin_object();
  for (const char* name :
       {"max_memory", "max_storage", "max_streams", "max_consumers", "max_ack_pending",
        "memory_max_stream_bytes", "storage_max_stream_bytes"})
    json.field(name, -1);
  json.field("max_bytes_required", false).end_object();
  if (!settings_.domain.empty()) json.field("domain", settings_.domain);
  // This request is counted when it has been answered.
  json.key("api").begin_object().field("level", kApiLevel);
  json.field("total", total() - 1).field("errors", errors()).end_object();
  return {};
}

ApiOutcome Api::cluster_only(ApiCall&) { return api_error(JsErr::cluster_required); }

ApiOutcome Api::not_built(ApiCall&) {
  return ApiError{501, 0, "not built yet in this version of pipit"};
}

ApiOutcome Api::unknown(ApiCall&) { return api_error(JsErr::bad_request); }

ApiOutcome Api::consumer_names(ApiCall& call) {
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  call.json.field("total", 0).field("offset", 0).field("limit", 1024);
  call.json.key("consumers").begin_array().end_array();
  return {};
}

ApiOutcome Api::consumer_list(ApiCall& call) {
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  call.json.field("total", 0).field("offset", 0).field("limit", 256);
  call.json.key("consumers").begin_array().end_array();
  return {};
}

ApiOutcome Api::consumer_lookup(ApiCall& call) {
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  return api_error(JsErr::consumer_not_found);
}

}  // namespace pipit::js
