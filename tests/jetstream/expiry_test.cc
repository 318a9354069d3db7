// What the time runs out for, on a store in memory under a clock that the test turns: which
// messages go, when the next one is due, and where a marker takes the last one's place, also on a
// disk that is behind.
#include "jetstream/expiry.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "jetstream/store/file_store.h"
#include "jetstream/store/memory_store.h"
#include "tests/sim/sim_vfs.h"

namespace {

using namespace pipit::js;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'750'000'000 * kSecond;

struct Clock final : store::Clock {
  int64_t now_ns = kStart;
  int64_t wall_ns() override { return now_ns; }
  int64_t monotonic_ns() override { return now_ns; }
};

struct Fixture {
  Clock clock;
  store::MemoryStore store{clock};
  StreamSetup setup;
  Expiry expiry;
  std::vector<std::string> markers;

  void open(int64_t max_age_ns, int64_t marker_ttl_ns = 0) {
    setup.config.name = "S";
    setup.config.max_age_ns = max_age_ns;
    setup.config.subject_delete_marker_ttl_ns = marker_ttl_ns;
    store::StreamSettings settings;
    settings.max_age_ns = max_age_ns;
    setup.store = &store;
    REQUIRE(store.create_stream("S", settings, 1, setup.id));
  }
  void publish(std::string_view subject, int64_t expires_ns = 0, std::string_view headers = {}) {
    store::NewMessage message;
    message.subject = subject;
    message.headers = headers;
    message.ts_ns = clock.now_ns;
    message.expires_ns = expires_ns;
    REQUIRE(store.append(setup.id, message));
    expiry.appended(setup, message.ts_ns, expires_ns);
  }
  // As a shard does: runs as often as something is due by then, and no more often.
  void advance(int64_t by_ns) {
    const int64_t until = clock.now_ns + by_ns;
    for (int runs = 0; expiry.next_ns() != 0 && expiry.next_ns() <= until; ++runs) {
      REQUIRE(runs < 100);
      clock.now_ns = std::max(clock.now_ns, expiry.next_ns());
      expiry.run(setup, clock.now_ns, [this](std::string_view subject, std::string_view headers) {
        markers.emplace_back(std::string(subject) + " " + std::string(headers));
        publish(subject, clock.now_ns + setup.config.subject_delete_marker_ttl_ns, headers);
        const auto last = store.find_last(setup.id, subject);
        REQUIRE(store.purge(setup.id, {subject, {}}, last.value(), 0));
        return true;
      });
    }
    clock.now_ns = until;
  }
  std::vector<uint64_t> left() {
    std::vector<uint64_t> seqs;
    for (uint64_t seq = 0;;) {
      const auto message = store.next(setup.id, {}, seq);
      if (!message) return seqs;
      seqs.push_back(message.value().seq);
      seq = message.value().seq + 1;
    }
  }
};

using Seqs = std::vector<uint64_t>;

TEST_CASE_FIXTURE(Fixture, "a message goes when it is as old as max_age, and nothing younger") {
  open(10 * kSecond);
  publish("a");
  clock.now_ns += kSecond;
  publish("a");
  CHECK(expiry.next_ns() == kStart + 10 * kSecond);
  advance(9 * kSecond - 1);
  CHECK(left() == Seqs{1, 2});
  advance(1);
  CHECK(left() == Seqs{2});
  advance(kSecond);
  CHECK(left().empty());
  CHECK(expiry.next_ns() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a message goes by its own TTL, in any order of sequences") {
  open(0);
  publish("a", kStart + 5 * kSecond);
  publish("b");
  publish("c", kStart + 2 * kSecond);
  CHECK(expiry.next_ns() == kStart + 2 * kSecond);
  advance(3 * kSecond);
  CHECK(left() == Seqs{1, 2});
  advance(3 * kSecond);
  CHECK(left() == Seqs{2});
  CHECK(expiry.next_ns() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what is over at once is there for a moment all the same") {
  open(0);
  publish("a", 1);
  advance(Expiry::kSoonestNs - 1);
  CHECK(left() == Seqs{1});
  advance(1);
  CHECK(left().empty());
}

TEST_CASE_FIXTURE(Fixture, "what never expires outlives max_age") {
  open(10 * kSecond);
  publish("a", store::kNeverExpires);
  CHECK(expiry.next_ns() == 0);
  publish("b");
  advance(20 * kSecond);
  CHECK(left() == Seqs{1});
  CHECK(expiry.next_ns() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what falls due together goes in few runs, however much it is") {
  open(10 * kSecond);
  for (int i = 0; i < 5000; ++i) publish("a");
  advance(10 * kSecond);
  CHECK(left().empty());
}

TEST_CASE_FIXTURE(Fixture, "a marker takes the place of the last message of a subject") {
  open(10 * kSecond, 60 * kSecond);
  publish("a");
  publish("a");
  publish("b");
  advance(10 * kSecond);
  REQUIRE(markers.size() == 2);
  CHECK(markers[0] ==
        "a NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: 1m0s\r\nNats-Rollup: sub\r\n\r\n");
  CHECK(markers[1].starts_with("b "));
  CHECK(left() == Seqs{4, 5});
}

struct NobodyListens final : store::StoreListener {
  void written(store::Ticket) override {}
  void durable(store::Ticket) override {}
  void failed(store::Ticket, store::Ticket, const pipit::Error&) override {}
  void lost(store::StreamId, store::SequenceRange) override {}
};

TEST_CASE("what was removed a moment ago, and is not committed yet, keeps no marker away") {
  pipit::sim::SimVfs vfs{3};
  pipit::sim::SimClock clock;
  NobodyListens listener;
  auto opened = store::FileStore::open(vfs, clock, listener, {});
  REQUIRE(opened);
  store::FileStore& store = *opened.value();
  StreamSetup setup;
  setup.store = &store;
  setup.config.max_age_ns = 10 * kSecond;
  setup.config.subject_delete_marker_ttl_ns = 60 * kSecond;
  store::StreamSettings settings;
  settings.max_age_ns = setup.config.max_age_ns;
  REQUIRE(store.create_stream("S", settings, 1, setup.id));
  for (int i = 0; i < 2; ++i) REQUIRE(store.append(setup.id, {"a", {}, "x", clock.wall}));
  while (store.turn()) {
  }
  int markers = 0;
  Expiry().run(setup, clock.wall + 10 * kSecond, [&](std::string_view, std::string_view) {
    // The first one is on its way out, and readers have it still.
    CHECK(store.next(setup.id, {"a", {}}, 0).value().seq == 1);
    ++markers;
    return true;
  });
  CHECK(markers == 1);
}

TEST_CASE_FIXTURE(Fixture, "a marker that expires leaves nothing, as one that a KV client made") {
  open(10 * kSecond, 5 * kSecond);
  publish("a");
  publish("b", 0, "NATS/1.0\r\nKV-Operation: PURGE\r\n\r\n");
  advance(10 * kSecond);
  CHECK(markers.size() == 1);
  CHECK(left() == Seqs{3});
  advance(10 * kSecond);
  CHECK(markers.size() == 1);
  CHECK(left().empty());
}

TEST_CASE_FIXTURE(Fixture, "no marker while an older message of the subject stays") {
  open(0, 60 * kSecond);
  publish("a");
  publish("a", kStart + kSecond);
  advance(2 * kSecond);
  CHECK(markers.empty());
  CHECK(left() == Seqs{1});
}

TEST_CASE_FIXTURE(Fixture, "what ran out while nobody looked goes at the start") {
  open(10 * kSecond);
  publish("a");
  publish("a", store::kNeverExpires);
  clock.now_ns += 10 * kSecond;
  publish("a");
  expire_all(setup, clock.now_ns);
  CHECK(left() == Seqs{2, 3});
}

TEST_CASE_FIXTURE(Fixture, "a message that cannot be replaced goes all the same") {
  open(10 * kSecond, 60 * kSecond);
  publish("a");
  clock.now_ns += 10 * kSecond;
  int asked = 0;
  expiry.run(setup, clock.now_ns, [&](std::string_view, std::string_view) {
    ++asked;
    return false;
  });
  CHECK(asked == 2);
  CHECK(left().empty());
}

}  // namespace
