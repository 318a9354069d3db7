// What counters stand at, on a store in memory: what is under way, what is stored, and what is no
// counter.
#include "jetstream/stream_counters.h"

#include <doctest/doctest.h>

#include <string>

#include "jetstream/store/memory_store.h"

namespace {

using namespace pipit::js;
using Found = StreamCounters::Found;

struct Clock final : store::Clock {
  int64_t wall_ns() override { return 1; }
  int64_t monotonic_ns() override { return 1; }
};

struct Fixture {
  Clock clock;
  store::MemoryStore store{clock};
  StreamSetup setup;
  StreamCounters counters;
  CounterState state;

  Fixture() {
    setup.store = &store;
    REQUIRE(store.create_stream("S", {}, 1, setup.id));
  }
  void put(std::string_view subject, std::string_view headers, std::string_view payload) {
    store::NewMessage message;
    message.subject = subject;
    message.headers = headers;
    message.payload = payload;
    REQUIRE(store.append(setup.id, message));
  }
  Found find(std::string_view subject, uint64_t failures = 0) {
    state = {};
    return counters.find(setup, subject, failures, state);
  }
};

TEST_CASE_FIXTURE(Fixture, "a counter is zero, then what is stored, then what is under way") {
  CHECK(find("c") == Found::yes);
  CHECK(state.value == BigDecimal());
  put("c", "NATS/1.0\r\nNats-Counter-Sources: {\"A\":{\"a\":\"7\"}}\r\n\r\n", "{\"val\":\"12\"}");
  CHECK(find("c") == Found::yes);
  CHECK(state.value.str() == "12");
  CHECK(state.sources == CounterSources{{"A", {{"a", "7"}}}});
  counters.set("c", {*BigDecimal::parse("13"), {}});
  CHECK(find("c") == Found::yes);
  CHECK(state.value.str() == "13");
  CHECK(find("d") == Found::yes);
  CHECK(state.value == BigDecimal());
}

TEST_CASE_FIXTURE(Fixture, "what was under way at a failure counts no more") {
  put("c", {}, "{\"val\":\"12\"}");
  CHECK(find("c") == Found::yes);
  counters.set("c", {*BigDecimal::parse("13"), {}});
  CHECK(find("c", 1) == Found::yes);
  CHECK(state.value.str() == "12");
}

TEST_CASE_FIXTURE(Fixture, "what is no counter is broken") {
  put("body", {}, "hello");
  put("header", "NATS/1.0\r\nNats-Counter-Sources: [1]\r\n\r\n", "{\"val\":\"1\"}");
  CHECK(find("body") == Found::broken);
  CHECK(find("header") == Found::broken);
}

TEST_CASE_FIXTURE(Fixture, "the latest ten thousand are known, however many there were") {
  CHECK(find("c") == Found::yes);
  for (int i = 0; i < 35'000; ++i)
    counters.set("c." + std::to_string(i), {*BigDecimal::parse(std::to_string(i)), {}});
  CHECK(find("c.34999") == Found::yes);
  CHECK(state.value.str() == "34999");
  CHECK(find("c.25000") == Found::yes);
  CHECK(state.value.str() == "25000");
  CHECK(find("c.1") == Found::yes);
  CHECK(state.value == BigDecimal());  // the store has none
}

}  // namespace
