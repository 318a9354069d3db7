// Proves TimerHeap against a sorted list under random operations, and what timers may do to the
// heap from inside on_timer().
#include "transport/timer_heap.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <random>

using namespace pipit::net;

namespace {

struct TestTimer final : Timer {
  void on_timer(int64_t now_ns) override {
    ++fired;
    if (when_due) when_due(now_ns);
  }
  int fired = 0;
  std::function<void(int64_t)> when_due;
};

}  // namespace

TEST_CASE("random arming, moving and cancelling fires exactly what an oracle says, in order") {
  std::mt19937 random(20240607);
  TimerHeap heap;
  constexpr size_t kTimers = 300;
  std::vector<TestTimer> timers(kTimers);
  std::vector<int64_t> oracle(kTimers, TimerHeap::kNever);
  std::vector<size_t> fired;
  for (size_t i = 0; i < kTimers; ++i) {
    timers[i].when_due = [&fired, i](int64_t) { fired.push_back(i); };
  }
  int64_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    size_t i = random() % kTimers;
    switch (random() % 8) {
      case 0:
        heap.cancel(timers[i]);
        oracle[i] = TimerHeap::kNever;
        break;
      case 1: {
        now += random() % 50;
        fired.clear();
        heap.run(now);
        std::vector<size_t> due;
        for (size_t k = 0; k < kTimers; ++k) {
          if (oracle[k] <= now) due.push_back(k);
        }
        REQUIRE(std::ranges::is_sorted(fired, {}, [&](size_t k) { return oracle[k]; }));
        for (size_t k : due) oracle[k] = TimerHeap::kNever;
        std::ranges::sort(fired);
        REQUIRE(fired == due);
        break;
      }
      default: {
        int64_t deadline = now + static_cast<int64_t>(random() % 200);
        heap.arm(timers[i], deadline);
        oracle[i] = deadline;
        REQUIRE(timers[i].deadline_ns() == deadline);
      }
    }
    REQUIRE(heap.next_deadline_ns() == *std::ranges::min_element(oracle));
    REQUIRE(timers[i].armed() == (oracle[i] != TimerHeap::kNever));
  }
  auto armed = std::ranges::count_if(oracle, [](int64_t d) { return d != TimerHeap::kNever; });
  CHECK(heap.size() == static_cast<size_t>(armed));
  for (TestTimer& timer : timers) heap.cancel(timer);
  CHECK(heap.next_deadline_ns() == TimerHeap::kNever);
}

TEST_CASE("a timer that arms itself for now waits for the next run") {
  TimerHeap heap;
  TestTimer timer;
  timer.when_due = [&](int64_t now) { heap.arm(timer, now); };
  heap.arm(timer, 5);
  heap.run(10);
  CHECK(timer.fired == 1);
  CHECK(timer.armed());
  CHECK(timer.deadline_ns() > 10);
  heap.run(11);
  CHECK(timer.fired == 2);
  heap.cancel(timer);
  heap.cancel(timer);
}

TEST_CASE("a timer may cancel another that is due in the same run") {
  TimerHeap heap;
  TestTimer first, second;
  first.when_due = [&](int64_t) { heap.cancel(second); };
  second.when_due = [&](int64_t) { heap.cancel(first); };
  heap.arm(first, 1);
  heap.arm(second, 1);
  heap.run(1);
  CHECK(first.fired + second.fired == 1);
  CHECK(heap.size() == 0);
}

TEST_CASE("a timer may destroy itself and others") {
  TimerHeap heap;
  auto first = std::make_unique<TestTimer>(), second = std::make_unique<TestTimer>();
  first->when_due = [&](int64_t) {
    heap.cancel(*second);
    second.reset();
    auto self = std::move(first);  // goes at the end of this callback
  };
  heap.arm(*first, 1);
  heap.arm(*second, 2);
  heap.run(3);
  CHECK(first == nullptr);
  CHECK(second == nullptr);
  CHECK(heap.size() == 0);
}
