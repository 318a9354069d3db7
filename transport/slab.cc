#include "transport/slab.h"

#include <cstring>
#include <new>

namespace pipit::net {
namespace {

Slab* allocate(uint32_t capacity, SlabHome* home, Foreign foreign = {}) {
  size_t size = sizeof(Slab) + size_t{capacity} + SlabPool::kPadding;
  Slab* slab = new (::operator new(size)) Slab{{1}, capacity, home, foreign};
  std::memset(slab->bytes() + capacity, 0, SlabPool::kPadding);
  return slab;
}

void release(SlabHome* home, uint32_t count) {
  if (home->refs.fetch_sub(count, std::memory_order_acq_rel) == count) delete home;
}

void free_slab(Slab* slab) {
  SlabHome* home = slab->home;
  const Foreign foreign = slab->foreign;
  ::operator delete(slab);
  if (foreign.release != nullptr) foreign.release(foreign.context);
  if (home != nullptr) release(home, 1);
}

}  // namespace

bool SlabHome::take_back(Slab* slab) {
  std::unique_lock lock(mutex, std::try_to_lock);
  if (!lock.owns_lock() || closed || kept_count == kKept) return false;
  kept[kept_count++] = slab;
  return true;
}

Slab* SlabHome::hand_out() {
  std::unique_lock lock(mutex, std::try_to_lock);
  if (!lock.owns_lock() || kept_count == 0) return nullptr;
  return kept[--kept_count];
}

void SlabRef::reset() {
  Slab* slab = std::exchange(slab_, nullptr);
  if (slab == nullptr) return;
  // A sole owner needs no read-modify-write: nobody else can add a reference. Acquire pairs with
  // the release below on the thread that gave up the reference before.
  if (slab->refs.load(std::memory_order_acquire) != 1 &&
      slab->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  if (slab->home == nullptr || !slab->home->take_back(slab)) free_slab(slab);
}

SlabPool::SlabPool() : home_(new SlabHome) {}

SlabPool::~SlabPool() {
  uint32_t kept_count = 0;
  {
    std::lock_guard lock(home_->mutex);
    home_->closed = true;
    kept_count = std::exchange(home_->kept_count, 0);
  }
  // Closed: the array is ours alone now.
  for (uint32_t i = 0; i < kept_count; ++i) free_slab(home_->kept[i]);
  release(home_, 1);
}

SlabRef SlabPool::make(uint32_t capacity) {
  if (capacity != kStandard) return make_slab(capacity);
  if (Slab* slab = home_->hand_out(); slab != nullptr) {
    slab->refs.store(1, std::memory_order_relaxed);
    return SlabRef(slab);
  }
  home_->refs.fetch_add(1, std::memory_order_relaxed);
  return SlabRef(allocate(kStandard, home_));
}

SlabRef make_slab(uint32_t capacity, Foreign foreign) {
  return SlabRef(allocate(capacity, nullptr, foreign));
}

}  // namespace pipit::net
