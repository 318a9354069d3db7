// Which requests of direct get are served, and which status refuses the others; as nats-server
// 2.14.5 was seen to answer.
#include "jetstream/direct_request.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

std::string_view by_body(std::string_view body) {
  MessageGetRequest request;
  return read_direct_request("", "", body, request);
}
std::string_view by_key(std::string_view body) {
  MessageGetRequest request;
  return read_direct_request("a.b", "", body, request);
}

}  // namespace

TEST_CASE("what asks for nothing is empty") {
  for (const char* body : {"", "{}", "{ }", "null", R"({"foo":1})", R"({"batch":3})",
                           R"({"up_to_seq":3})", R"({"no_hdr":true})", R"({"multi_last":[]})"})
    CHECK_MESSAGE(by_body(body) == "408 Empty Request", body);
}

TEST_CASE("what is no request is malformed") {
  for (const char* body : {"  ", "x", "[]", R"("a")", R"({"seq":1)", R"({"seq":"1"})",
                           R"({"seq":-1})", R"({"start_time":"x"})", R"({"multi_last":"a"})"})
    CHECK_MESSAGE(by_body(body) == "408 Malformed Request", body);
  CHECK(by_key("x") == "408 Malformed Request");
  CHECK(by_key("  ") == "408 Malformed Request");
}

TEST_CASE("two ways to name a message contradict each other") {
  for (const char* body : {
           R"({"seq":1,"last_by_subj":"a"})",
           R"({"last_by_subj":"a","next_by_subj":"a"})",
           R"({"last_by_subj":"a","start_time":"2020-01-01T00:00:00Z"})",
           R"({"last_by_subj":"a","batch":1})",
           R"({"seq":1,"start_time":"2020-01-01T00:00:00Z"})",
           R"({"multi_last":["a"],"last_by_subj":"a"})",
           R"({"multi_last":["a"],"next_by_subj":"a"})",
           R"({"multi_last":["a"],"up_to_seq":1,"up_to_time":"2020-01-01T00:00:00Z"})",
       })
    CHECK_MESSAGE(by_body(body) == "408 Bad Request", body);
}

TEST_CASE("what may stand together") {
  for (const char* body : {
           R"({"SEQ":1})",
           R"({"seq":1,"foo":1})",
           R"({"seq":1,"next_by_subj":"a"})",
           R"({"start_time":"2020-01-01T00:00:00Z","next_by_subj":"a","batch":2})",
           R"({"last_by_subj":"a","max_bytes":1,"batch":-1})",
           R"({"multi_last":["a"],"seq":1,"batch":2,"up_to_seq":9})",
           R"({"multi_last":["a"],"start_time":"2020-01-01T00:00:00Z"})",
       })
    CHECK_MESSAGE(by_body(body) == "", body);
}

TEST_CASE("the subject is the key, and the body says no more than how") {
  MessageGetRequest request;
  CHECK(read_direct_request("a.b", "", R"({"no_hdr":true})", request) == "");
  CHECK(request.last_by_subject == "a.b");
  CHECK(request.no_headers);
  for (const char* body : {"", "{}", "null", R"({"max_bytes":1})", R"({"foo":1})"})
    CHECK_MESSAGE(by_key(body) == "", body);
  for (const char* body : {R"({"seq":1})", R"({"last_by_subj":"a"})", R"({"batch":1})",
                           R"({"batch":-1})", R"({"multi_last":["a"]})", R"({"up_to_seq":1})"})
    CHECK_MESSAGE(by_key(body) == "408 Bad Request", body);
}

TEST_CASE("the API level comes before all else") {
  const auto asks = [](std::string_view level) {
    MessageGetRequest request;
    const std::string headers =
        "NATS/1.0\r\nNats-Required-Api-Level:" + std::string(level) + "\r\n\r\n";
    return read_direct_request("", headers, "", request);
  };
  for (const char* level : {" 99", " x", " 1x", " 99999999999999999999"})
    CHECK_MESSAGE(asks(level) == "412 Required Api Level", level);
  for (const char* level : {"", " 0", " +0", " -1"})
    CHECK_MESSAGE(asks(level) == "408 Empty Request", level);
}
