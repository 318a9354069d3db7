// Batches while they are gathered: answers as nats-server 2.14.5 gave them, and that what is
// gathered stays within its bounds. (What becomes of a commit: tests/jetstream/api.)
#include "jetstream/atomic_batches.h"

#include <doctest/doctest.h>

using namespace pipit::js;

namespace {

using Step = AtomicBatches::Step;

struct Gathering {
  BatchRoom room;
  AtomicBatches batches{room};
  StreamConfig config;
  int64_t now_ns = 1;

  Gathering() {
    config.allow_atomic = true;
    config.max_msg_size = -1;
  }
  Step take(std::string_view lines, std::string_view payload = "x") {
    const std::string headers = "NATS/1.0\r\n" + std::string(lines) + "\r\n";
    return batches.take(config, "s.a", headers, payload, PublishHeaders(headers), now_ns);
  }
  Step take(std::string_view id, uint64_t seq, std::string_view more = {}) {
    return take("Nats-Batch-Id: " + std::string(id) +
                "\r\nNats-Batch-Sequence: " + std::to_string(seq) + "\r\n" + std::string(more));
  }
};

constexpr std::string_view kCommit = "Nats-Batch-Commit: 1\r\n";
constexpr std::string_view kEnd = "Nats-Batch-Commit: eob\r\n";

}  // namespace

TEST_CASE("a batch is handed over with its last message, as it came") {
  Gathering g;
  CHECK(g.take("b", 1).kind == Step::Kind::gathered);
  CHECK(g.take("b", 2).kind == Step::Kind::gathered);
  const Step step = g.take("b", 3, kCommit);
  REQUIRE(step.kind == Step::Kind::commit);
  REQUIRE(step.messages.size() == 3);
  CHECK(step.messages[0].subject == "s.a");
  CHECK(step.messages[1].headers ==
        "NATS/1.0\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 2\r\n\r\n");
  CHECK(step.messages[2].payload == "x");
  CHECK(g.room.open == 0);
  CHECK(g.room.bytes == 0);
}

TEST_CASE("what only marks the end is not stored, and the message before it gets the mark") {
  Gathering g;
  g.take("b", 1);
  const Step step = g.take("b", 2, kEnd);
  REQUIRE(step.kind == Step::Kind::commit);
  REQUIRE(step.messages.size() == 1);
  CHECK(step.messages[0].headers ==
        "NATS/1.0\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1\r\n\r\n");
  CHECK(g.take("b", 1, kEnd).error.is(JsErr::atomic_incomplete));
}

TEST_CASE("batches are told apart by their ids") {
  Gathering g;
  g.take("a", 1);
  g.take("b", 1);
  CHECK(g.take("a", 2, kCommit).messages.size() == 2);
  CHECK(g.take("b", 2, kCommit).messages.size() == 2);
}

TEST_CASE("a gap is the end of the batch") {
  Gathering g;
  g.take("b", 1);
  const Step step = g.take("b", 3);
  CHECK(step.error.is(JsErr::atomic_incomplete));
  CHECK(step.abandoned == kBatchIncomplete);
  CHECK(g.take("b", 2).error.is(JsErr::atomic_incomplete));
  CHECK(g.room.open == 0);
}

TEST_CASE("headers that make no sense are refused") {
  Gathering g;
  CHECK(g.take("Nats-Batch-Id: b\r\n").error.is(JsErr::atomic_missing_seq));
  CHECK(
      g.take("Nats-Batch-Id: b\r\nNats-Batch-Sequence: x\r\n").error.is(JsErr::atomic_missing_seq));
  CHECK(g.take("b", 0).error.is(JsErr::atomic_incomplete));
  CHECK(g.take("b", 0, kEnd).error.is(JsErr::atomic_incomplete));
  CHECK(g.take("b", 1, "Nats-Batch-Commit: x\r\n").error.is(JsErr::atomic_invalid_commit));
  CHECK(g.take("b", 1, "Nats-Batch-Commit: \r\n").error.is(JsErr::atomic_invalid_commit));
  CHECK(g.take(std::string(65, 'i'), 1).error.is(JsErr::atomic_invalid_id));
  CHECK(g.take(std::string(64, 'i'), 1).kind == Step::Kind::gathered);
  CHECK(g.room.open == 1);
}

TEST_CASE("a level that is not there ends the batch, one that is there leaves the headers") {
  Gathering g;
  const Step step = g.take("b", 1, "Nats-Required-Api-Level: 99\r\n");
  CHECK(step.error.is(JsErr::required_api_level));
  CHECK(step.abandoned == kBatchUnsupported);
  CHECK(g.take("b", 2).error.is(JsErr::atomic_incomplete));
  const Step level = g.take("b", 1, "Nats-Required-Api-Level: 0\r\nNats-Batch-Commit: 1\r\n");
  REQUIRE(level.messages.size() == 1);
  CHECK(level.messages[0].headers ==
        "NATS/1.0\r\nNats-Batch-Id: b\r\nNats-Batch-Sequence: 1\r\nNats-Batch-Commit: 1\r\n\r\n");
}

TEST_CASE("a stream's settings come first") {
  Gathering g;
  g.config.max_msg_size = 10;
  CHECK(g.take("b", 1).error.is(JsErr::message_too_large));
  g.config.max_msg_size = -1;
  g.config.allow_atomic = false;
  CHECK(g.take("b", 1).error.is(JsErr::atomic_disabled));
  g.config.sealed = true;
  CHECK(g.take("b", 1).error.is(JsErr::sealed));
}

TEST_CASE("a batch has at most a thousand messages, and the mark of its end") {
  Gathering g;
  for (const bool too_many : {false, true}) {
    for (uint64_t seq = 1; seq <= 1000; ++seq)
      REQUIRE(g.take("b", seq).kind == Step::Kind::gathered);
    const Step step = g.take("b", 1001, too_many ? kCommit : kEnd);
    CHECK(step.messages.size() == (too_many ? 0 : 1000));
    if (too_many) CHECK(step.error.description == "atomic publish batch is too large: 1000");
    if (too_many) CHECK(step.abandoned == kBatchLarge);
  }
  CHECK(g.take("new", 1001).error.is(JsErr::atomic_too_large));
  CHECK(g.take("new", 1001, kEnd).error.is(JsErr::atomic_incomplete));
  CHECK(g.room.bytes == 0);
}

TEST_CASE("a stream has fifty open batches, a reactor a thousand") {
  Gathering g;
  for (int i = 0; i < 50; ++i) CHECK(g.take(std::to_string(i), 1).kind == Step::Kind::gathered);
  CHECK(g.take("50", 1).error.is(JsErr::atomic_too_many));
  CHECK(g.take("7", 2, kCommit).kind == Step::Kind::commit);
  CHECK(g.take("50", 1).kind == Step::Kind::gathered);
  g.batches.clear();
  g.room.open = 1000;
  CHECK(g.take("a", 1).error.is(JsErr::atomic_too_many));
  g.room.open = 0;
}

TEST_CASE("what is gathered has bounded size; a batch that has no room is dropped whole") {
  Gathering g;
  g.room.bytes_max = 100'000;
  const std::string big(40'000, 'x');
  const std::string head = "Nats-Batch-Id: b\r\nNats-Batch-Sequence: ";
  CHECK(g.take(head + "1\r\n", big).kind == Step::Kind::gathered);
  CHECK(g.take(head + "2\r\n", big).kind == Step::Kind::gathered);
  CHECK(g.take(head + "3\r\n", big).error.is(JsErr::atomic_too_many));
  CHECK(g.room.bytes == 0);
  CHECK(g.room.open == 0);
}

TEST_CASE("a batch that is left alone runs out ten seconds after its last message") {
  Gathering g;
  g.take("a", 1);
  g.now_ns += 6'000'000'000;
  g.take("b", 1);
  CHECK(g.take("a", 2).kind == Step::Kind::gathered);
  g.now_ns += 9'999'999'999;
  CHECK(g.batches.run_out(g.now_ns).empty());
  CHECK(g.batches.next_ns() == g.now_ns + 1);
  g.now_ns += 1;
  const Step late = g.take("a", 3);
  CHECK(late.error.is(JsErr::atomic_incomplete));
  const auto gone = g.batches.run_out(g.now_ns);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].id == "b");
  CHECK(gone[0].reason == kBatchTimeout);
  CHECK(g.batches.next_ns() == 0);
  CHECK(g.room.open == 0);
}
