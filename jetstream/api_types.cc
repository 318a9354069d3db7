#include "jetstream/api_types.h"

#include "jetstream/stream_config_json.h"
#include "protocol/json_reader.h"

namespace pipit::js {
namespace {

using proto::JsonField;
using proto::JsonReader;
using proto::JsonShape;
using proto::read_json_request;

constexpr JsonField<ListRequest> kListFields[] = {
    {"offset", [](JsonReader& json, ListRequest& r) { json.read(r.offset, "int"); },
     "ApiPagedRequest"},
    {"subject", [](JsonReader& json, ListRequest& r) { json.read(r.subject); }},
};
constexpr JsonShape<ListRequest> kList{"JSApiStreamListRequest", kListFields};
constexpr JsonShape<ListRequest> kNames{"JSApiStreamNamesRequest", kListFields};

constexpr JsonField<StreamInfoRequest> kInfoFields[] = {
    {"offset", [](JsonReader& json, StreamInfoRequest& r) { json.read(r.offset, "int"); },
     "ApiPagedRequest"},
    {"deleted_details",
     [](JsonReader& json, StreamInfoRequest& r) { json.read(r.deleted_details); }},
    {"subjects_filter",
     [](JsonReader& json, StreamInfoRequest& r) { json.read(r.subjects_filter); }},
};
constexpr JsonShape<StreamInfoRequest> kInfo{"JSApiStreamInfoRequest", kInfoFields};

constexpr JsonField<PurgeRequest> kPurgeFields[] = {
    {"seq", [](JsonReader& json, PurgeRequest& r) { json.read(r.seq); }},
    {"filter", [](JsonReader& json, PurgeRequest& r) { json.read(r.filter); }},
    {"keep", [](JsonReader& json, PurgeRequest& r) { json.read(r.keep); }},
};
constexpr JsonShape<PurgeRequest> kPurge{"JSApiStreamPurgeRequest", kPurgeFields};

constexpr JsonField<MessageGetRequest> kGetFields[] = {
    {"seq", [](JsonReader& json, MessageGetRequest& r) { json.read(r.seq); }},
    {"last_by_subj", [](JsonReader& json, MessageGetRequest& r) { json.read(r.last_by_subject); }},
    {"next_by_subj", [](JsonReader& json, MessageGetRequest& r) { json.read(r.next_by_subject); }},
    {"batch", [](JsonReader& json, MessageGetRequest& r) { json.read(r.batch, "int"); }},
    {"max_bytes", [](JsonReader& json, MessageGetRequest& r) { json.read(r.max_bytes, "int"); }},
    {"start_time",
     [](JsonReader& json, MessageGetRequest& r) { read_timestamp(json, r.start_time); }},
    {"multi_last", [](JsonReader& json, MessageGetRequest& r) { json.read(r.multi_last); }},
    {"up_to_seq", [](JsonReader& json, MessageGetRequest& r) { json.read(r.up_to_seq); }},
    {"up_to_time",
     [](JsonReader& json, MessageGetRequest& r) { read_timestamp(json, r.up_to_time); }},
    {"no_hdr", [](JsonReader& json, MessageGetRequest& r) { json.read(r.no_headers); }},
};
constexpr JsonShape<MessageGetRequest> kGet{"JSApiMsgGetRequest", kGetFields};

constexpr JsonField<MessageDeleteRequest> kDeleteFields[] = {
    {"seq", [](JsonReader& json, MessageDeleteRequest& r) { json.read(r.seq); }},
    {"no_erase", [](JsonReader& json, MessageDeleteRequest& r) { json.read(r.no_erase); }},
};
constexpr JsonShape<MessageDeleteRequest> kDelete{"JSApiMsgDeleteRequest", kDeleteFields};

std::string_view stripped(std::string_view text) {
  while (!text.empty() && proto::is_json_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && proto::is_json_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string read_body(std::string_view body, bool strict, ListRequest& out) {
  return read_json_request(body, strict, out, kList);
}
std::string read_body(std::string_view body, bool strict, NamesRequest& out) {
  return read_json_request(body, strict, static_cast<ListRequest&>(out), kNames);
}
std::string read_body(std::string_view body, bool strict, StreamInfoRequest& out) {
  return read_json_request(body, strict, out, kInfo);
}
std::string read_body(std::string_view body, bool strict, PurgeRequest& out) {
  return read_json_request(body, strict, out, kPurge);
}
std::string read_body(std::string_view body, bool strict, MessageGetRequest& out) {
  return read_json_request(body, strict, out, kGet);
}
std::string read_body(std::string_view body, bool strict, MessageDeleteRequest& out) {
  return read_json_request(body, strict, out, kDelete);
}

bool is_json_body(std::string_view body) {
  const std::string_view text = stripped(body);
  return !text.empty() && (text.front() == '{' || text.front() == '[');
}

bool is_empty_body(std::string_view body) {
  const std::string_view text = stripped(body);
  return body.empty() || (text.size() >= 2 && text.front() == '{' && text.back() == '}' &&
                          stripped(text.substr(1, text.size() - 2)).empty());
}

}  // namespace pipit::js
