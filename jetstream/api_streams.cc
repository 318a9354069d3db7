// Requests about streams as a whole.
#include <algorithm>

#include "jetstream/api.h"
#include "jetstream/api_types.h"
#include "jetstream/message_lookup.h"
#include "jetstream/stream_config_json.h"
#include "jetstream/stream_report.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

constexpr uint64_t kNamesLimit = 1024, kListLimit = 256, kSubjectsLimit = 100'000;

// Which part of `total` results a request gets; negative offsets are 0, large ones the end.
struct Page {
  uint64_t offset, end;
  Page(int64_t asked, uint64_t total, uint64_t limit)
      : offset(std::min(static_cast<uint64_t>(std::max<int64_t>(asked, 0)), total)),
        end(std::min(total, offset + limit)) {}
};

bool takes(const StreamSetup& stream, const std::string& subject) {
  const auto& subjects = stream.config.subjects;
  return subject.empty() || std::any_of(subjects.begin(), subjects.end(), [&](const auto& each) {
           return proto::collide(each, subject);
         });
}

ApiOutcome invalid_json(const std::string& fault) { return api_error(JsErr::invalid_json, fault); }

}  // namespace

ApiOutcome Api::stream_create(ApiCall& call) {
  StreamConfigRequest request;
  if (const std::string fault = read_stream_request(call.body, settings_.strict, request);
      !fault.empty())
    return invalid_json(fault);
  SetupRef stream;
  if (auto refused = create_checked(call.stream, request, stream)) return refused;
  const int64_t now = clock_.wall_ns();
  write_config_and_state(call.json, settings_, *stream, WithServer::yes);
  catalogue_.followers().write(call.json, *stream);
  call.json.field("ts", format_unix_ns(now)).field("did_create", true);
  catalogue_.start_followers();
  return {};
}

ApiOutcome Api::stream_update(ApiCall& call) {
  StreamConfigRequest request;
  if (const std::string fault = read_stream_request(call.body, settings_.strict, request);
      !fault.empty())
    return invalid_json(fault);
  SetupRef stream;
  if (auto refused = update_checked(call.stream, request, stream)) return refused;
  write_config_and_state(call.json, settings_, *stream, WithServer::yes);
  if (!settings_.domain.empty()) call.json.field("domain", settings_.domain);
  catalogue_.followers().write(call.json, *stream);
  call.json.field("ts", format_unix_ns(clock_.wall_ns()));
  catalogue_.start_followers();
  return {};
}

ApiOutcome Api::stream_delete(ApiCall& call) {
  if (!is_empty_body(call.body)) return api_error(JsErr::not_empty_request);
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  if (auto failed = catalogue_.remove(*stream)) return failed;
  call.json.field("success", true);
  return {};
}

ApiOutcome Api::stream_info(ApiCall& call) {
  StreamInfoRequest request;
  if (is_json_body(call.body))
    if (const std::string fault = read_body(call.body, settings_.strict, request); !fault.empty())
      return invalid_json(fault);
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  StateDetails details;
  details.deleted = request.deleted_details;
  uint64_t total = 0, offset = 0, limit = 0;
  if (!request.subjects_filter.empty()) {
    store::SubjectFilter filter;
    filter.matches = [&](std::string_view subject) {
      return proto::matches(request.subjects_filter, subject);
    };
    const auto listed =
        stream->store->subjects(stream->id, filter, [&](std::string_view subject, uint64_t count) {
          details.subjects.emplace_back(subject, count);
        });
    if (!listed) return stream_error(JsErr::stream_general, listed.error());
    std::sort(details.subjects.begin(), details.subjects.end());
    total = details.subjects.size();
    if (total > 0) {
      const Page page(request.offset, total, kSubjectsLimit);
      offset = page.offset;
      limit = kSubjectsLimit;
      details.subjects.erase(details.subjects.begin() + static_cast<ptrdiff_t>(page.end),
                             details.subjects.end());
      details.subjects.erase(details.subjects.begin(),
                             details.subjects.begin() + static_cast<ptrdiff_t>(page.offset));
    }
  }
  call.json.field("total", total).field("offset", offset).field("limit", limit);
  write_config_and_state(call.json, settings_, *stream, WithServer::yes, &details);
  if (!settings_.domain.empty()) call.json.field("domain", settings_.domain);
  call.json.key("cluster").begin_object().field("leader", settings_.server_name).end_object();
  catalogue_.followers().write(call.json, *stream);
  call.json.field("ts", format_unix_ns(clock_.wall_ns()));
  return {};
}

ApiOutcome Api::stream_names(ApiCall& call) {
  NamesRequest request;
  if (is_json_body(call.body))
    if (const std::string fault = read_body(call.body, settings_.strict, request); !fault.empty())
      return invalid_json(fault);
  std::vector<SetupRef> streams = catalogue_.all();
  std::erase_if(streams, [&](const SetupRef& each) { return !takes(*each, request.subject); });
  const Page page(request.offset, streams.size(), kNamesLimit);
  proto::JsonWriter& json = call.json;
  json.field("total", uint64_t{streams.size()}).field("offset", page.offset);
  json.field("limit", kNamesLimit).key("streams");
  if (page.offset == page.end) {
    json.null();
    return {};
  }
  json.begin_array();
  for (uint64_t i = page.offset; i < page.end; ++i) json.value(streams[i]->name());
  json.end_array();
  return {};
}

ApiOutcome Api::stream_list(ApiCall& call) {
  ListRequest request;
  if (is_json_body(call.body))
    if (const std::string fault = read_body(call.body, settings_.strict, request); !fault.empty())
      return invalid_json(fault);
  std::vector<SetupRef> streams = catalogue_.all();
  std::erase_if(streams, [&](const SetupRef& each) { return !takes(*each, request.subject); });
  const Page page(request.offset, streams.size(), kListLimit);
  proto::JsonWriter& json = call.json;
  json.field("total", uint64_t{streams.size()}).field("offset", page.offset);
  json.field("limit", kListLimit).key("streams").begin_array();
  for (uint64_t i = page.offset; i < page.end; ++i) {
    json.begin_object();
    write_config_and_state(json, settings_, *streams[i], WithServer::no);
    if (!settings_.domain.empty()) json.field("domain", settings_.domain);
    catalogue_.followers().write(json, *streams[i]);
    json.field("ts", format_unix_ns(clock_.wall_ns())).end_object();
  }
  json.end_array();
  return {};
}

ApiOutcome Api::stream_purge(ApiCall& call) {
  PurgeRequest request;
  if (is_json_body(call.body))
    if (const std::string fault = read_body(call.body, settings_.strict, request); !fault.empty())
      return invalid_json(fault);
  if (request.seq > 0 && request.keep > 0) return api_error(JsErr::bad_request);
  SetupRef stream;
  if (ApiOutcome missing = find(call, stream)) return missing;
  if (stream->config.sealed) return api_error(JsErr::sealed);
  if (stream->config.deny_purge)
    return api_error(JsErr::purge_failed, "stream purge not permitted");
  const store::SubjectFilter filter = filter_of(request.filter);
  commits_.begin();
  const auto purged = stream->store->purge(stream->id, filter, request.seq, request.keep);
  if (!purged) return stream_error(JsErr::purge_failed, purged.error());
  store::Ticket ticket = purged.value().ticket;
  // A sequence behind the end moves the end.
  const auto state = stream->store->state(stream->id);
  if (request.seq > 0 && request.filter.empty() && state &&
      request.seq > state.value().last_seq + 1)
    if (const auto skipped = stream->store->skip(stream->id, request.seq - 1); skipped)
      ticket = skipped.value().ticket;
  if (auto safe = commits_.wait(ticket, stream->ack_when); !safe)
    return stream_error(JsErr::purge_failed, safe.error());
  call.json.field("success", true).field("purged", purged.value().seq);
  return {};
}

}  // namespace pipit::js
