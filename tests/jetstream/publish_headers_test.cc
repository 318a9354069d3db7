// What a publish asks of JetStream by its headers, found in one pass.
#include "jetstream/publish_headers.h"

#include <doctest/doctest.h>

#include <string>

using namespace pipit::js;

namespace {

std::string block(std::string_view lines) { return "NATS/1.0\r\n" + std::string(lines) + "\r\n"; }

}  // namespace

TEST_CASE("known headers are found, others are not looked at") {
  const std::string text = block(
      "Foo: bar\r\nNats-Msg-Id:  a b \r\nNats-Other: 1\r\nNats-Expected-Last-Sequence: 17\r\n");
  const PublishHeaders headers(text);
  CHECK(headers.any());
  CHECK(headers[PublishHeader::msg_id] == "a b ");
  CHECK(headers.number(PublishHeader::expected_last_seq) == 17);
  CHECK(!headers.has(PublishHeader::rollup));
  CHECK(headers[PublishHeader::rollup].empty());
}

TEST_CASE("a name has to match exactly, from the start of its line") {
  CHECK(!PublishHeaders(block("Orig-Nats-Msg-Id: x\r\n")).any());
  CHECK(!PublishHeaders(block("nats-msg-id: x\r\n")).any());
  CHECK(!PublishHeaders(block("Nats-Msg-Id2: x\r\n")).any());
  CHECK(!PublishHeaders(block("Nats-Msg-Id x\r\n")).any());
}

TEST_CASE("of equal names the first counts") {
  const std::string text = block("Nats-Rollup: sub\r\nNats-Rollup: all\r\n");
  CHECK(PublishHeaders(text)[PublishHeader::rollup] == "sub");
}

TEST_CASE("an empty value is there, and is no number") {
  const std::string text = block("Nats-Expected-Last-Sequence:\r\n");
  const PublishHeaders headers(text);
  CHECK(headers.has(PublishHeader::expected_last_seq));
  CHECK(!headers.number(PublishHeader::expected_last_seq));
}

TEST_CASE("numbers are whole, without a sign, and fit 64 bits") {
  for (const char* bad : {"x", "-1", "+1", "1.0", "1e3", "18446744073709551616", "1 2"}) {
    const std::string text = block("Nats-Expected-Last-Sequence: " + std::string(bad) + "\r\n");
    CHECK(!PublishHeaders(text).number(PublishHeader::expected_last_seq));
  }
  const std::string text = block("Nats-Expected-Last-Sequence: 18446744073709551615\r\n");
  CHECK(PublishHeaders(text).number(PublishHeader::expected_last_seq) == UINT64_MAX);
}

TEST_CASE("blocks without an end, without a line, without anything do no harm") {
  for (const char* text : {"", "NATS/1.0", "NATS/1.0\r\n", "NATS/1.0\r\nNats-Msg-Id", "\n", "\n\n",
                           "NATS/1.0\r\nNats-"})
    CHECK(!PublishHeaders(text).any());
  CHECK(PublishHeaders("NATS/1.0\r\nNats-Msg-Id: x")[PublishHeader::msg_id] == "x");
}
