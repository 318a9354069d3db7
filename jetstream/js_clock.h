// JsClock: the time of JetStream. It begins as the system's and then runs by the monotonic clock,
// so that ages, TTLs and duplicate windows stay right when the system's clock is set meanwhile, by
// an hour back or ten years ahead. What is planned for a time of the day asks system_ns().
//
// Any thread, but for start_behind().
#pragma once
#include <atomic>
#include <cstdint>

#include "jetstream/store/vfs.h"

namespace pipit::js {

class JsClock final : public store::Clock {
 public:
  // `system` outlives this.
  explicit JsClock(store::Clock& system)
      : system_(system), ahead_ns_(system.wall_ns() - system.monotonic_ns()) {}

  int64_t wall_ns() override { return system_.monotonic_ns() + ahead_ns_; }
  int64_t monotonic_ns() override { return system_.monotonic_ns(); }
  // The system's wall clock, as it is set now.
  int64_t system_ns() { return system_.wall_ns(); }

  // At the start, before anybody else asks: `newest_ns` is the time of the newest message there is.
  // If the clock has been set back since, by up to a day, or was never set in this life (no battery
  // behind it), time goes on from there and messages stay in the order of their times. True: it was
  // moved.
  bool start_behind(int64_t newest_ns) {
    const int64_t now = wall_ns();
    if (newest_ns <= now || (newest_ns - now > kBackNs && now > kPlausibleNs)) return false;
    ahead_ns_ += newest_ns + 1 - now;
    return true;
  }

 private:
  static constexpr int64_t kSecondNs = 1'000'000'000;
  static constexpr int64_t kBackNs = int64_t{24} * 3600 * kSecondNs;
  static constexpr int64_t kPlausibleNs = int64_t{1'735'689'600} * kSecondNs;  // the year 2025

  store::Clock& system_;
  std::atomic<int64_t> ahead_ns_;
};

}  // namespace pipit::js
