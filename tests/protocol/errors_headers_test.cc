// Proves the texts and codes that a connection ends with, the permission errors' quoting, and the
// look-ups in header blocks.
#include <doctest/doctest.h>

#include "protocol/errors.h"
#include "protocol/headers.h"

using namespace pipit::proto;

TEST_CASE("close reasons have nats-server's names, WebSocket codes and flush rule") {
  CHECK(reason_text(CloseReason::client_closed) == "Client Closed");
  CHECK(reason_text(CloseReason::auth_violation) == "Authentication Failure");
  CHECK(reason_text(CloseReason::slow_consumer_pending) == "Slow Consumer (Pending Bytes)");
  CHECK(reason_text(CloseReason::max_payload) == "Maximum Message Payload Exceeded");
  CHECK(websocket_close_code(CloseReason::client_closed) == 1000);
  CHECK(websocket_close_code(CloseReason::server_shutdown) == 1001);
  CHECK(websocket_close_code(CloseReason::stale_connection) == 1001);
  CHECK(websocket_close_code(CloseReason::protocol_violation) == 1002);
  CHECK(websocket_close_code(CloseReason::auth_violation) == 1008);
  CHECK(websocket_close_code(CloseReason::slow_consumer_deadline) == 1008);
  CHECK(websocket_close_code(CloseReason::max_payload) == 1009);
  CHECK(websocket_close_code(CloseReason::no_responders_needs_headers) == 1011);
  CHECK(websocket_close_code(CloseReason::tls_handshake_error) == 1015);
  CHECK(flush_before_close(CloseReason::protocol_violation));
  CHECK(flush_before_close(CloseReason::server_shutdown));
  for (const CloseReason reason :
       {CloseReason::read_error, CloseReason::write_error, CloseReason::slow_consumer_pending,
        CloseReason::slow_consumer_deadline, CloseReason::tls_handshake_error})
    CHECK_FALSE(flush_before_close(reason));
}

TEST_CASE("every close reason has a name") {
  for (int i = 0; i <= static_cast<int>(CloseReason::kicked); ++i) {
    CAPTURE(i);
    CHECK(reason_text(static_cast<CloseReason>(i)) != "Unknown State");
  }
}

TEST_CASE("permission errors quote what was refused") {
  CHECK(err::publish_violation("foo.bar") == "Permissions Violation for Publish to \"foo.bar\"");
  CHECK(err::reply_violation("_R_.x") ==
        "Permissions Violation for Publish with Reply of \"_R_.x\"");
  CHECK(err::subscribe_violation("foo") == "Permissions Violation for Subscription to \"foo\"");
  CHECK(err::subscribe_violation("foo", "q") ==
        "Permissions Violation for Subscription to \"foo\" using queue \"q\"");
  CHECK(err::too_many_tokens("a.b") ==
        "Permissions Violation for Subscription to \"a.b\", too many tokens");
  // Quotes and bytes that would break the line, or a client's parser of it.
  CHECK(err::publish_violation("a\"b\\c\x01\x7F\xFF\xC3\xA9\v") ==
        "Permissions Violation for Publish to \"a\\\"b\\\\c\\x01\\x7f\\xff\xC3\xA9\\v\"");
}

TEST_CASE("a header is found by its exact name at the start of a line") {
  const std::string_view block =
      "NATS/1.0\r\nFoo-Bar: 1\r\nFoo:  two \t\r\nfoo: 3\r\nEmpty:\r\nColon: a:b\r\nFoo: 5\r\n\r\n";
  CHECK(header_value(block, "Foo") == "two");
  CHECK(header_value(block, "foo") == "3");
  CHECK(header_value(block, "Foo-Bar") == "1");
  CHECK(header_value(block, "Empty") == "");
  CHECK(header_value(block, "Colon") == "a:b");
  CHECK_FALSE(header_value(block, "Bar"));
  CHECK_FALSE(header_value(block, "FOO"));
  CHECK_FALSE(header_value(block, ""));
  CHECK_FALSE(header_value(block, "NATS/1.0"));
}

TEST_CASE("what is no header block has no headers and no status") {
  for (const char* block :
       {"", "abcd", "Foo: 1\r\n", "NATS/1.0", "NATS/1.0\r", "NATS/1.0x\r\nFoo: 1\r\n\r\n",
        "NATS/1.0\r\n\r\nFoo: 1\r\n", "NATS/1.0\r\nFoo: 1", "\r\nFoo: 1\r\n"}) {
    CAPTURE(block);
    CHECK_FALSE(header_value(block, "Foo"));
    CHECK(header_status(block) == "");
  }
}

TEST_CASE("the status stands behind the version") {
  CHECK(header_status("NATS/1.0 503\r\n\r\n") == "503");
  CHECK(header_status("NATS/1.0  100 Idle Heartbeat\r\n\r\n") == "100");
  CHECK(header_status("NATS/1.0\r\nA: 1\r\n\r\n") == "");
  CHECK(header_status("NATS/1.0 busy\r\n\r\n") == "");
}

TEST_CASE("a block of headers is whole, and nothing stands behind it") {
  for (const char* good : {"NATS/1.0\r\n\r\n", "NATS/1.0\r\na: b\r\n\r\n", "NATS/1.0 503\r\n\r\n",
                           "NATS/1.0\r\na:\r\nb: c: d\r\n\r\n"})
    CHECK(is_header_block(good));
  for (const char* bad :
       {"", "NATS/1.0", "NATS/1.0\r\n", "NATS/1.1\r\n\r\n", "NATS/1.0\r\na: b\r\n",
        "NATS/1.0\r\nno colon\r\n\r\n", "NATS/1.0\r\n: x\r\n\r\n", "NATS/1.0\r\na b: x\r\n\r\n",
        "NATS/1.0\r\na: b\r\n\r\nmore", "NATS/1.0\r\na: b\nc\r\n\r\n", "\r\n\r\n"})
    CHECK_FALSE(is_header_block(bad));
  CHECK_FALSE(is_header_name("a\x7f"));
  CHECK_FALSE(is_header_value(std::string_view("a\0b", 3)));
}
