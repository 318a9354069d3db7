// Message schedules at work, on a store in memory under a clock that the test turns: what is sent
// when, what ends a schedule, and that nothing but the store remembers them.
#include "jetstream/schedules.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "jetstream/publish_headers.h"
#include "jetstream/store/memory_store.h"

namespace {

using namespace pipit::js;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'790'000'000 * kSecond;  // 2026-09-21T14:13:20Z

struct Clock final : store::Clock {
  int64_t now_ns = kStart;
  int64_t wall_ns() override { return now_ns; }
  int64_t monotonic_ns() override { return now_ns; }
};

struct Sent {
  std::string subject, headers, payload;
};

struct Fixture : Schedules::Sink {
  Clock clock;
  store::MemoryStore store{clock};
  StreamSetup setup;
  TimeZones zones{[](std::string_view) { return std::string(); }};
  std::optional<Schedules> schedules{zones};
  std::vector<Sent> sent;
  Schedules::Sent answer = Schedules::Sent::stored;

  Fixture() {
    setup.config.name = "S";
    setup.config.allow_msg_schedules = true;
    setup.store = &store;
    REQUIRE(store.create_stream("S", {}, 1, setup.id));
    REQUIRE(Schedules::open(setup, "S"));
  }
  uint64_t put(std::string_view subject, std::string_view headers, std::string_view payload) {
    store::NewMessage message;
    message.subject = subject;
    message.headers = headers;
    message.payload = payload;
    const auto appended = store.append(setup.id, message);
    REQUIRE(appended);
    return appended.value().seq;
  }
  void schedule(std::string_view subject, std::string_view pattern, std::string_view more = {}) {
    const std::string headers = "NATS/1.0\r\nNats-Schedule: " + std::string(pattern) +
                                "\r\nNats-Schedule-Target: t\r\n" + std::string(more) +
                                "Nats-Rollup: sub\r\n\r\n";
    const uint64_t seq = put(subject, headers, "body");
    const auto next = next_schedule(pattern, nullptr, clock.now_ns, clock.now_ns);
    REQUIRE(next);
    schedules->stored(setup, subject, seq, next->at_ns);
  }
  // As a stream does with what is sent.
  Schedules::Sent send(std::string_view subject, std::string_view headers,
                       std::string_view payload) override {
    if (answer != Schedules::Sent::stored) return answer;
    sent.push_back({std::string(subject), std::string(headers), std::string(payload)});
    put(subject, headers, payload);
    const PublishHeaders asks(headers);
    if (asks[PublishHeader::schedule_next] == "purge")
      REQUIRE(store.purge(setup.id, {asks[PublishHeader::scheduler], {}}, 0, 0));
    return answer;
  }
  void advance(int64_t by_ns) {
    const int64_t until = clock.now_ns + by_ns;
    for (int runs = 0; schedules->next_ns() != 0 && schedules->next_ns() <= until; ++runs) {
      REQUIRE(runs < 100);
      clock.now_ns = std::max(clock.now_ns, schedules->next_ns());
      schedules->run(setup, clock.now_ns, *this);
    }
    clock.now_ns = until;
  }
  uint64_t entries() { return store.state(setup.schedules).value().messages; }
};

TEST_CASE_FIXTURE(Fixture, "a schedule for one time sends its message once and goes") {
  schedule("s", "@at 2026-09-21T14:13:25Z");
  advance(5 * kSecond - 1);
  CHECK(sent.empty());
  advance(1);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].subject == "t");
  CHECK(sent[0].payload == "body");
  CHECK(sent[0].headers == "NATS/1.0\r\nNats-Scheduler: s\r\nNats-Schedule-Next: purge\r\n\r\n");
  CHECK(entries() == 0);
  CHECK(schedules->next_ns() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a repeating one says when it comes next, and comes then") {
  schedule("s", "@every 10s");
  advance(25 * kSecond);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].headers.find("Nats-Schedule-Next: 2026-09-21T14:13:40Z\r\n") != std::string::npos);
  CHECK(sent[1].headers.find("Nats-Schedule-Next: 2026-09-21T14:13:50Z\r\n") != std::string::npos);
  CHECK(entries() == 1);
}

TEST_CASE_FIXTURE(Fixture, "only what is meant for the message is sent with it") {
  schedule("s", "@at 2026-09-21T14:13:21Z",
           "A: 1\r\nNats-Msg-Id: x\r\nNats-TTL: 9s\r\nNats-Expected-Stream: S\r\n"
           "Nats-Schedule-TTL: 5m\r\nNats-Schedule-Rollup: sub\r\n");
  advance(kSecond);
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].headers ==
        "NATS/1.0\r\nA: 1\r\nNats-Scheduler: s\r\nNats-Schedule-Next: purge\r\nNats-TTL: 5m\r\n"
        "Nats-Rollup: sub\r\n\r\n");
}

TEST_CASE_FIXTURE(Fixture,
                  "a source gives the message, and the schedule its own if there is none") {
  schedule("s", "@every 1s", "Nats-Schedule-Source: from\r\n");
  advance(kSecond);
  put("from", "NATS/1.0\r\nB: 2\r\nNats-TTL: 1h\r\n\r\n", "news");
  advance(kSecond);
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].payload == "body");
  CHECK(sent[1].payload == "news");
  CHECK(sent[1].headers.starts_with("NATS/1.0\r\nB: 2\r\nNats-Scheduler: s\r\n"));
}

TEST_CASE_FIXTURE(Fixture, "what was replaced, deleted or ended by a plain message sends nothing") {
  schedule("replaced", "@at 2026-09-21T14:13:25Z");
  schedule("replaced", "@at 2026-09-21T14:13:30Z");
  schedule("deleted", "@at 2026-09-21T14:13:25Z");
  schedule("ended", "@at 2026-09-21T14:13:25Z");
  REQUIRE(store.purge(setup.id, {"deleted", {}}, 0, 0));
  put("ended", {}, "plain");
  schedules->replaced(setup, "ended");
  advance(6 * kSecond);
  CHECK(sent.empty());
  advance(6 * kSecond);
  CHECK(sent.size() == 1);
  CHECK(entries() == 0);
}

TEST_CASE_FIXTURE(Fixture, "the store alone remembers: what was missed meanwhile comes once") {
  schedule("once", "@at 2026-09-21T14:13:25Z");
  schedule("often", "@every 1s");
  schedules.emplace(zones);
  REQUIRE(Schedules::open(setup, "S"));
  clock.now_ns += 3600 * kSecond;
  schedules->look_again(clock.now_ns);
  advance(0);
  REQUIRE(sent.size() == 2);
  CHECK(sent[1].headers.find("Nats-Schedule-Next: 2026-09-21T15:13:21Z\r\n") != std::string::npos);
  CHECK(entries() == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "what the stream has no room for is sent later, what it refuses is not") {
  schedule("s", "@at 2026-09-21T14:13:25Z");
  answer = Schedules::Sent::later;
  advance(6 * kSecond);
  CHECK(entries() == 1);
  answer = Schedules::Sent::stored;
  advance(kSecond);
  CHECK(sent.size() == 1);
  schedule("s", "@at 2026-09-21T14:13:30Z");
  schedule("r", "@every 1s");
  answer = Schedules::Sent::refused;
  advance(5 * kSecond);
  answer = Schedules::Sent::stored;
  CHECK(entries() == 1);
  advance(kSecond);
  CHECK(sent.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "schedules that are due together run in the order of their sequences") {
  for (const char* subject : {"c", "a", "b"}) schedule(subject, "@at 2026-09-21T14:13:25Z");
  schedules->stored(setup, "c", 1, kStart + 5 * kSecond);  // noted anew
  advance(5 * kSecond);
  REQUIRE(sent.size() == 3);
  CHECK(sent[0].headers.find("Nats-Scheduler: c\r\n") != std::string::npos);
  CHECK(sent[2].headers.find("Nats-Scheduler: b\r\n") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a stream without schedules has no stream beside it") {
  StreamSetup other;
  other.store = &store;
  CHECK(Schedules::open(other, "T"));
  CHECK(other.schedules == 0);
  CHECK(store.streams().size() == 2);
}

}  // namespace
