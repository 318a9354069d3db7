// TimerHeap: many deadlines, one uv_timer. Each reactor has one.
//
// Intrusive: a Timer is a member of what it belongs to, arming it allocates nothing in the steady
// state. Time is handed in, so that tests and the simulation own the clock. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pipit::net {

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  // Requires: not armed.
  virtual ~Timer() = default;
  virtual void on_timer(int64_t now_ns) = 0;
  bool armed() const { return index_ != kNone; }
  int64_t deadline_ns() const { return deadline_ns_; }

 private:
  friend class TimerHeap;
  static constexpr uint32_t kNone = 0xffffffff;
  int64_t deadline_ns_ = 0;
  uint32_t index_ = kNone;
};

class TimerHeap {
 public:
  static constexpr int64_t kNever = INT64_MAX;
  // Arms, or moves an armed one. Inside run(): due after that run's now at the earliest.
  void arm(Timer& timer, int64_t deadline_ns);
  void cancel(Timer& timer);  // no-op if not armed
  // Calls every timer due at `now_ns`; they may arm, cancel and destroy any timer, themselves
  // included. Not to be called from a timer.
  void run(int64_t now_ns);
  int64_t next_deadline_ns() const { return heap_.empty() ? kNever : heap_[0]->deadline_ns_; }
  size_t size() const { return heap_.size(); }

 private:
  void sift_up(uint32_t i);
  void sift_down(uint32_t i);
  void place(uint32_t i, Timer* t);
  std::vector<Timer*> heap_;
  int64_t earliest_ns_ = INT64_MIN;  // arm() goes no earlier
};

}  // namespace pipit::net
