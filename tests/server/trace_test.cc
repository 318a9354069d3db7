// Proves how a trace quotes payloads, by what nats-server 2.14.5 wrote of the same bytes.
#include "server/trace.h"

#include <doctest/doctest.h>

using pipit::traced_payload;

TEST_CASE("printable text stands as it is, the rest is escaped as Go does") {
  CHECK(traced_payload("", "hello", 0) == R"(MSG_PAYLOAD: ["hello"])");
  CHECK(traced_payload("", "ab\"\\\x01\xff\r\nhe\xc3\xa9", 0) ==
        "MSG_PAYLOAD: [\"ab\\\"\\\\\\x01\\xff\\r\\nhe\xc3\xa9\"]");
  CHECK(traced_payload("", std::string("\0\a\t\v\x7f\x1b", 6), 0) ==
        R"(MSG_PAYLOAD: ["\x00\a\t\v\x7f\x1b"])");
  CHECK(traced_payload("", "\xe2\x82", 0) == R"(MSG_PAYLOAD: ["\xe2\x82"])");  // cut in a character
}

TEST_CASE("headers come first, and both are cut where the limit says") {
  const std::string_view headers = "NATS/1.0\r\nA: b\r\n\r\n";
  CHECK(traced_payload(headers, "xyz", 0) ==
        R"(MSG_PAYLOAD: ["NATS/1.0\r\nA: b\r\n\r\nxyz"])");
  CHECK(traced_payload(headers, "xyz", 4) == R"(MSG_PAYLOAD: ["NATS..."])");
  CHECK(traced_payload(headers, "xyz", headers.size() + 1) ==
        R"(MSG_PAYLOAD: ["NATS/1.0\r\nA: b\r\n\r\nx..."])");
  CHECK(traced_payload("", "hello", 5) == R"(MSG_PAYLOAD: ["hello"])");
  CHECK(traced_payload("", "hello", 4) == R"(MSG_PAYLOAD: ["hell..."])");
}
