#include "transport/timer_heap.h"

#include <algorithm>

namespace pipit::net {

void TimerHeap::arm(Timer& timer, int64_t deadline_ns) {
  deadline_ns = std::max(deadline_ns, earliest_ns_);
  if (!timer.armed()) {
    timer.deadline_ns_ = deadline_ns;
    timer.index_ = static_cast<uint32_t>(heap_.size());
    heap_.push_back(&timer);
    sift_up(timer.index_);
    return;
  }
  bool sooner = deadline_ns < timer.deadline_ns_;
  timer.deadline_ns_ = deadline_ns;
  if (sooner) {
    sift_up(timer.index_);
  } else {
    sift_down(timer.index_);
  }
}

void TimerHeap::cancel(Timer& timer) {
  if (!timer.armed()) return;
  uint32_t hole = timer.index_;
  timer.index_ = Timer::kNone;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  // The last one fills the hole; it may be due sooner than the hole's parent or later than its
  // children, never both.
  place(hole, last);
  sift_up(hole);
  sift_down(last->index_);
}

void TimerHeap::run(int64_t now_ns) {
  // A timer that arms itself for "now" again must wait for the next run, or this one never ends.
  earliest_ns_ = now_ns + 1;
  while (!heap_.empty() && heap_[0]->deadline_ns_ <= now_ns) {
    Timer* due = heap_[0];
    cancel(*due);
    due->on_timer(now_ns);  // may destroy `due`
  }
  earliest_ns_ = INT64_MIN;
}

void TimerHeap::sift_up(uint32_t i) {
  Timer* moving = heap_[i];
  while (i > 0) {
    uint32_t parent = (i - 1) / 2;
    if (heap_[parent]->deadline_ns_ <= moving->deadline_ns_) break;
    place(i, heap_[parent]);
    i = parent;
  }
  place(i, moving);
}

void TimerHeap::sift_down(uint32_t i) {
  Timer* moving = heap_[i];
  auto size = static_cast<uint32_t>(heap_.size());
  for (;;) {
    uint32_t child = 2 * i + 1;
    if (child >= size) break;
    if (child + 1 < size && heap_[child + 1]->deadline_ns_ < heap_[child]->deadline_ns_) ++child;
    if (moving->deadline_ns_ <= heap_[child]->deadline_ns_) break;
    place(i, heap_[child]);
    i = child;
  }
  place(i, moving);
}

void TimerHeap::place(uint32_t i, Timer* t) {
  heap_[i] = t;
  t->index_ = i;
}

}  // namespace pipit::net
