// Requests about single messages of a stream.
#include "jetstream/api.h"
#include "jetstream/api_types.h"
#include "jetstream/message_lookup.h"
#include "jetstream/rfc3339.h"

namespace pipit::js {

ApiOutcome Api::message_get(ApiCall& call) {
  MessageGetRequest request;
  if (is_empty_body(call.body)) return api_error(JsErr::bad_request);
  if (const std::string fault = read_body(call.body, settings_.strict, request); !fault.empty())
    return api_error(JsErr::invalid_json, fault);
  if (request.batch > 0 || request.max_bytes > 0 || !is_lookup(request))
    return api_error(JsErr::bad_request);
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  const auto found = look_up(*stream, request);
  if (!found) {
    if (found.error().code == Errc::invalid_argument) return api_error(JsErr::no_message_found);
    return stream_error(JsErr::stream_general, found.error());
  }
  const store::StoredMessage& message = found.value();
  proto::JsonWriter& json = call.json;
  json.key("message").begin_object();
  json.field("subject", message.subject).field("seq", message.seq);
  if (!message.headers.empty() && !request.no_headers) json.key("hdrs").base64(message.headers);
  if (!message.payload.empty()) json.key("data").base64(message.payload);
  json.field("time", format_unix_ns(message.ts_ns)).end_object();
  return {};
}

ApiOutcome Api::message_delete(ApiCall& call) {
  MessageDeleteRequest request;
  if (is_empty_body(call.body)) return api_error(JsErr::bad_request);
  if (const std::string fault = read_body(call.body, settings_.strict, request); !fault.empty())
    return api_error(JsErr::invalid_json, fault);
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  if (stream->config.sealed) return api_error(JsErr::sealed);
  if (stream->config.deny_delete)
    return api_error(JsErr::msg_delete_failed, "message delete not permitted");
  const auto state = stream->store->state(stream->id);
  if (!state) return stream_error(JsErr::msg_delete_failed, state.error());
  if (request.seq > state.value().last_seq)
    return api_error(JsErr::msg_delete_failed, "stream store EOF");
  if (request.seq < state.value().first_seq || state.value().messages == 0)
    return api_error(JsErr::msg_delete_failed, "no message found");
  commits_.begin();
  const auto removed =
      stream->store->remove(stream->id, {request.seq, request.seq}, !request.no_erase);
  if (!removed && removed.error().code == Errc::invalid_argument)
    return api_error(JsErr::sequence_not_found, std::to_string(request.seq));
  if (!removed) return stream_error(JsErr::msg_delete_failed, removed.error());
  if (auto safe = commits_.wait(removed.value().ticket, stream->ack_when); !safe)
    return stream_error(JsErr::msg_delete_failed, safe.error());
  call.json.field("success", true);
  return {};
}

}  // namespace pipit::js
