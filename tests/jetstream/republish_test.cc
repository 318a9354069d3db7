// The headers of what a stream publishes again, as nats-server 2.14.5 was seen to write them.
#include "jetstream/republish.h"

#include <doctest/doctest.h>

using namespace pipit::js;

TEST_CASE("a republished message says where it is stored") {
  CHECK(republish_headers("R", "in.a", "", 1, false, {1, 0, 1'000'000'000}) ==
        "NATS/1.0\r\nNats-Stream: R\r\nNats-Subject: in.a\r\nNats-Sequence: 1\r\n"
        "Nats-Time-Stamp: 1970-01-01T00:00:01Z\r\nNats-Last-Sequence: 0\r\n\r\n");
}

TEST_CASE("its own headers come first, and headers_only tells the size") {
  CHECK(republish_headers("R", "in.a", "NATS/1.0\r\nA: b\r\n\r\n", 3, true, {3, 2, 1}) ==
        "NATS/1.0\r\nA: b\r\nNats-Stream: R\r\nNats-Subject: in.a\r\nNats-Sequence: 3\r\n"
        "Nats-Time-Stamp: 1970-01-01T00:00:00.000000001Z\r\nNats-Last-Sequence: 2\r\n"
        "Nats-Msg-Size: 3\r\n\r\n");
}
