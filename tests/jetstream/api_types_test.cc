// Bodies of requests: the words in which nats-server 2.14.5 refused them.
#include "jetstream/api_types.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

template <class Request>
std::string fault_of(std::string_view body) {
  Request request;
  return read_body(body, true, request);
}

}  // namespace

TEST_CASE("faults name the request that has them") {
  const std::string at = "json: cannot unmarshal number 1e2 into Go struct field ";
  CHECK(fault_of<ListRequest>(R"({"offset":1e2})") ==
        at + "JSApiStreamListRequest.ApiPagedRequest.offset of type int");
  CHECK(fault_of<NamesRequest>(R"({"offset":1e2})") ==
        at + "JSApiStreamNamesRequest.ApiPagedRequest.offset of type int");
  CHECK(fault_of<StreamInfoRequest>(R"({"offset":1e2})") ==
        at + "JSApiStreamInfoRequest.ApiPagedRequest.offset of type int");
  CHECK(fault_of<PurgeRequest>(R"({"seq":1e2})") ==
        at + "JSApiStreamPurgeRequest.seq of type uint64");
  CHECK(fault_of<MessageGetRequest>(R"({"batch":1e2})") ==
        at + "JSApiMsgGetRequest.batch of type int");
  CHECK(fault_of<MessageDeleteRequest>(R"({"seq":1e2})") ==
        at + "JSApiMsgDeleteRequest.seq of type uint64");
  CHECK(fault_of<MessageDeleteRequest>(R"({"sequence":1})") == R"(json: unknown field "sequence")");
}

TEST_CASE("every option of a get is read") {
  MessageGetRequest get;
  CHECK(read_body(
            R"({"seq":1,"last_by_subj":"a","next_by_subj":"b","batch":2,"max_bytes":3,
                "start_time":"2024-01-01T00:00:00Z","multi_last":["c","d"],"up_to_seq":4,
                "up_to_time":"2024-01-02T00:00:00Z","no_hdr":true})",
            true, get) == "");
  CHECK(get.seq == 1);
  CHECK(get.last_by_subject == "a");
  CHECK(get.next_by_subject == "b");
  CHECK(get.batch == 2);
  CHECK(get.max_bytes == 3);
  CHECK(get.start_time->seconds == 1'704'067'200);
  CHECK(get.multi_last == std::vector<std::string>{"c", "d"});
  CHECK(get.up_to_seq == 4);
  CHECK(get.up_to_time->seconds == 1'704'153'600);
  CHECK(get.no_headers);
}

TEST_CASE("what begins like JSON is read, and what says nothing is empty") {
  for (const std::string_view body : {"{", " \n[", "{}"}) CHECK(is_json_body(body));
  for (const std::string_view body : {"", " ", "x{", "\"{\""}) CHECK_FALSE(is_json_body(body));
  for (const std::string_view body : {"", "{}", " { } "}) CHECK(is_empty_body(body));
  for (const std::string_view body : {" ", "[]", "{\"a\":1}", "{", "}", "null"})
    CHECK_FALSE(is_empty_body(body));
}
