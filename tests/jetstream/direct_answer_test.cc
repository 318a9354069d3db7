// The bytes of direct gets' answers, as nats-server 2.14.5 was seen to write them.
#include "jetstream/direct_answer.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

const store::StoredMessage kMessage{7, 1'500'000'000, "a.b", "", "body"};

std::string headers_of(const store::StoredMessage& message, const BatchPlace* place = nullptr) {
  std::string out;
  append_direct_headers(out, "S", message, place);
  return out;
}

}  // namespace

TEST_CASE("a message says where it stands") {
  CHECK(headers_of(kMessage) ==
        "NATS/1.0\r\nNats-Stream: S\r\nNats-Subject: a.b\r\nNats-Sequence: 7\r\n"
        "Nats-Time-Stamp: 1970-01-01T00:00:01.5Z\r\n\r\n");
}

TEST_CASE("behind its own headers, whatever they claim") {
  store::StoredMessage message = kMessage;
  message.headers = "NATS/1.0\r\nK: v\r\nNats-Stream: other\r\n\r\n";
  CHECK(headers_of(message) ==
        "NATS/1.0\r\nK: v\r\nNats-Stream: other\r\nNats-Stream: S\r\nNats-Subject: a.b\r\n"
        "Nats-Sequence: 7\r\nNats-Time-Stamp: 1970-01-01T00:00:01.5Z\r\n\r\n");
}

TEST_CASE("one of a batch says what is to come") {
  const BatchPlace place{3, 6};
  CHECK(headers_of(kMessage, &place) ==
        "NATS/1.0\r\nNats-Stream: S\r\nNats-Subject: a.b\r\nNats-Sequence: 7\r\n"
        "Nats-Time-Stamp: 1970-01-01T00:00:01.5Z\r\nNats-Num-Pending: 3\r\n"
        "Nats-Last-Sequence: 6\r\n\r\n");
  CHECK(end_of_batch(place) ==
        "NATS/1.0 204 EOB\r\nNats-Num-Pending: 3\r\nNats-Last-Sequence: 6\r\n\r\n");
  CHECK(end_of_batch(place, 9) ==
        "NATS/1.0 204 EOB\r\nNats-Num-Pending: 3\r\nNats-Last-Sequence: 6\r\n"
        "Nats-UpTo-Sequence: 9\r\n\r\n");
  CHECK(status_block("404 Message Not Found") == "NATS/1.0 404 Message Not Found\r\n\r\n");
}
