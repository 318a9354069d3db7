// JetStream's clock while the system's is set: ages go on as time does.
#include "jetstream/js_clock.h"

#include <doctest/doctest.h>

namespace {

using namespace pipit::js;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kHour = 3600 * kSecond;
constexpr int64_t kNow = 1'790'000'000 * kSecond;

struct System final : store::Clock {
  int64_t wall = kNow, monotonic = 77 * kSecond;
  int64_t wall_ns() override { return wall; }
  int64_t monotonic_ns() override { return monotonic; }
  void pass(int64_t ns) {
    wall += ns;
    monotonic += ns;
  }
};

TEST_CASE("the clock begins as the system's and goes on with it") {
  System system;
  JsClock clock(system);
  CHECK(clock.wall_ns() == kNow);
  system.pass(kSecond);
  CHECK(clock.wall_ns() == kNow + kSecond);
  CHECK(clock.monotonic_ns() == 78 * kSecond);
}

TEST_CASE("a system's clock that is set, back or ahead, moves no age") {
  for (const int64_t step : {-kHour, 10 * 365 * 24 * kHour, -kNow}) {
    System system;
    JsClock clock(system);
    system.wall += step;
    CHECK(clock.wall_ns() == kNow);
    system.pass(kSecond);
    CHECK(clock.wall_ns() == kNow + kSecond);
    CHECK(clock.system_ns() == kNow + step + kSecond);
  }
}

TEST_CASE("set back before the start, time goes on behind the newest message") {
  System system;
  JsClock clock(system);
  CHECK(!clock.start_behind(0));
  CHECK(!clock.start_behind(kNow));
  CHECK(clock.start_behind(kNow + kHour));
  CHECK(clock.wall_ns() == kNow + kHour + 1);
}

TEST_CASE("a machine that wakes up in 1970 goes on behind the newest message") {
  System system;
  system.wall = 5 * kSecond;
  JsClock clock(system);
  CHECK(clock.start_behind(kNow));
  CHECK(clock.wall_ns() == kNow + 1);
}

TEST_CASE("messages from a far future do not take the clock with them") {
  System system;
  JsClock clock(system);
  CHECK(!clock.start_behind(kNow + 25 * kHour));
  CHECK(clock.wall_ns() == kNow);
}

}  // namespace
