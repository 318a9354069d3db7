// Deadline: the point in time at which a test gives up waiting. It bounds a wait, it never is one:
// nothing here sleeps, and no test passes because time went by.
#pragma once
#include <algorithm>
#include <chrono>

namespace pipit::test {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Deadline(std::chrono::milliseconds from_now) : at_(Clock::now() + from_now) {}

  bool passed() const { return Clock::now() >= at_; }
  // For poll(): never negative, which would mean forever.
  int remaining_ms() const {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at_ - Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
  }

 private:
  Clock::time_point at_;
};

}  // namespace pipit::test
