#include "server/router/epoch.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>

// How it works. `now` counts retirements. Retired memory carries the `now` of its retirement. A
// slot shows the `now` its reactor last saw while it held no pointer, or kOffline.
//
// E1  Memory stamped s was unlinked before `now` became s + 1: retire() does both, in that order.
// E2  A reactor that shows g loaded `now` == g with acquire (partner: retire()'s release), so every
//     pointer it loads from then on is younger than all unlinking stamped below g.
// E3  A reactor stores its slot with release after its last use of older pointers (partner: the
//     acquire in oldest_reader()), so freeing what is stamped below g happens after those uses.
// E4  Whether a slot is offline is decided by a read-modify-write on both sides: either the
// collector
//     sees the reactor online, or the reactor's exchange reads the collector's write and thereby
//     sees all that was unlinked before. A plain load could miss a reactor that is just waking.

namespace pipit::router {
namespace {

constexpr uint64_t kOffline = 0;
constexpr size_t kCacheLine = 64;
// Retirements between two attempts to free; bounds the garbage that nobody holds.
constexpr uint32_t kCollectEvery = 64;

struct Retired {
  void* memory;
  Epoch::Deleter deleter;
  uint64_t stamp;
};

struct alignas(kCacheLine) Slot {
  std::atomic<uint64_t> seen{kOffline};
};

}  // namespace

struct Epoch::Impl {
  alignas(kCacheLine) std::atomic<uint64_t> now{1};
  Slot slots[kMaxSlots];

  alignas(kCacheLine) mutable std::mutex mutex;
  std::deque<Retired> retired;  // stamps ascend
  uint32_t since_collect = 0;

  uint64_t oldest_reader() {
    uint64_t oldest = UINT64_MAX;
    for (Slot& slot : slots) {
      uint64_t seen = slot.seen.load(std::memory_order_acquire);                       // E3
      if (seen == kOffline) seen = slot.seen.fetch_add(0, std::memory_order_acq_rel);  // E4
      if (seen != kOffline) oldest = std::min(oldest, seen);
    }
    return oldest;
  }

  void collect_locked() {
    since_collect = 0;
    if (retired.empty()) return;
    const uint64_t oldest = oldest_reader();
    while (!retired.empty() && retired.front().stamp < oldest) {
      const Retired item = retired.front();
      retired.pop_front();
      item.deleter(item.memory);
    }
  }
};

Epoch::Epoch() : impl_(new Impl) {}

Epoch::~Epoch() {
  for (const Retired& item : impl_->retired) item.deleter(item.memory);
  delete impl_;
}

void Epoch::online(uint32_t slot) {
  const uint64_t now = impl_->now.load(std::memory_order_acquire);   // E2
  impl_->slots[slot].seen.exchange(now, std::memory_order_acq_rel);  // E4
}

void Epoch::offline(uint32_t slot) {
  impl_->slots[slot].seen.store(kOffline, std::memory_order_release);  // E3
}

void Epoch::quiescent(uint32_t slot) {
  const uint64_t now = impl_->now.load(std::memory_order_acquire);  // E2
  std::atomic<uint64_t>& seen = impl_->slots[slot].seen;
  // Relaxed: only this thread and collectors, who do not change the value, write it.
  if (seen.load(std::memory_order_relaxed) != now)
    seen.store(now, std::memory_order_release);  // E3
}

void Epoch::retire(void* memory, Deleter deleter) {
  const std::lock_guard lock(impl_->mutex);
  const uint64_t now = impl_->now.load(std::memory_order_relaxed);  // written under the mutex only
  impl_->retired.push_back({memory, deleter, now});
  impl_->now.store(now + 1, std::memory_order_release);  // E1, E2
  if (++impl_->since_collect >= kCollectEvery) impl_->collect_locked();
}

void Epoch::collect() {
  const std::lock_guard lock(impl_->mutex);
  impl_->collect_locked();
}

size_t Epoch::retired_count() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->retired.size();
}

}  // namespace pipit::router
