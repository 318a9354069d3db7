// The bytes that a publisher gets, as nats-server 2.14.5 was seen to write them.
#include "jetstream/pub_ack.h"

#include <doctest/doctest.h>

using namespace pipit::js;

TEST_CASE("a publish ack names the stream and the sequence") {
  PubAckWriter acks("S", "");
  CHECK(acks.success(1) == R"({"stream":"S","seq":1})");
  CHECK(acks.success(18446744073709551615u) == R"({"stream":"S","seq":18446744073709551615})");
  CHECK(acks.success(2, PubAckWriter::kDuplicate) == R"({"stream":"S","seq":2,"duplicate": true})");
  CHECK(acks.success(3) == R"({"stream":"S","seq":3})");
}

TEST_CASE("a domain stands between them, but not in errors") {
  PubAckWriter acks("S", "hub");
  CHECK(acks.success(1) == R"({"stream":"S","domain":"hub","seq":1})");
  CHECK(acks.error(api_error(JsErr::stream_not_match)) ==
        R"({"error":{"code":400,"err_code":10060,"description":"expected stream does not match"},)"
        R"("stream":"S","seq":0})");
}

TEST_CASE("what a name has of JSON's signs is escaped") {
  PubAckWriter acks("a\"b", "");
  CHECK(acks.success(1) == R"({"stream":"a\"b","seq":1})");
}
