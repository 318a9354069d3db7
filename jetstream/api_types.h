// The bodies of requests to the API, but for those that hold a stream's configuration. Each
// read...() returns what is wrong with the body, for JsErr::invalid_json, or an empty string. Any
// thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/rfc3339.h"

namespace pipit::js {

// STREAM.LIST
struct ListRequest {
  int64_t offset = 0;
  std::string subject;
};

// STREAM.NAMES: the same under another name, which faults of it carry.
struct NamesRequest : ListRequest {};

struct StreamInfoRequest {
  int64_t offset = 0;
  bool deleted_details = false;
  std::string subjects_filter;
};

struct PurgeRequest {
  uint64_t seq = 0;
  std::string filter;
  uint64_t keep = 0;
};

// STREAM.MSG.GET and DIRECT.GET
struct MessageGetRequest {
  uint64_t seq = 0;
  std::string last_by_subject, next_by_subject;
  std::optional<Timestamp> start_time;
  bool no_headers = false;
  int64_t batch = 0, max_bytes = 0;
  std::vector<std::string> multi_last;
  uint64_t up_to_seq = 0;
  std::optional<Timestamp> up_to_time;
};

struct MessageDeleteRequest {
  uint64_t seq = 0;
  bool no_erase = false;
};

std::string read_body(std::string_view body, bool strict, ListRequest& out);
std::string read_body(std::string_view body, bool strict, NamesRequest& out);
std::string read_body(std::string_view body, bool strict, StreamInfoRequest& out);
std::string read_body(std::string_view body, bool strict, PurgeRequest& out);
std::string read_body(std::string_view body, bool strict, MessageGetRequest& out);
std::string read_body(std::string_view body, bool strict, MessageDeleteRequest& out);

// Does it begin like JSON? Where options may be left out, other bodies are not looked at.
bool is_json_body(std::string_view body);
// Nothing, or an object without members: what requests without options take.
bool is_empty_body(std::string_view body);

}  // namespace pipit::js
