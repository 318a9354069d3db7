// Publishes that wait for the disk: first in, first out, each with its own texts.
#include "jetstream/ack_queue.h"

#include <doctest/doctest.h>

#include <string>

using namespace pipit::js;

TEST_CASE("entries come out in order, with their texts") {
  AckQueue queue;
  for (uint64_t i = 1; i <= 10'000; ++i) {
    PendingAck ack;
    ack.seq = i;
    const std::string reply = "_INBOX." + std::to_string(i), body(i % 7, 'x');
    queue.push(ack, {reply, i % 2 == 0 ? ",\"a\":1" : "", "s", "", body});
    // Half of them leave while others come.
    if (i % 2 == 0) {
      CHECK(queue.front().seq == i / 2);
      CHECK(queue.texts().reply == "_INBOX." + std::to_string(i / 2));
      CHECK(queue.texts().payload.size() == i / 2 % 7);
      queue.pop();
    }
  }
  for (uint64_t i = 5'001; i <= 10'000; ++i) {
    REQUIRE(!queue.empty());
    CHECK(queue.texts().reply == "_INBOX." + std::to_string(i));
    CHECK(queue.texts().extra == (i % 2 == 0 ? ",\"a\":1" : ""));
    queue.pop();
  }
  CHECK(queue.empty());
}
