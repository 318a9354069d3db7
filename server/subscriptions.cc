#include "server/subscriptions.h"

#include <xxhash.h>

#include <bit>
#include <cstdlib>
#include <new>

namespace pipit {

Subscriptions::~Subscriptions() {
  for (SubscriptionRecord* sub : slots_) std::free(sub);
}

size_t Subscriptions::bucket_of(std::string_view sid) const {
  // Seeded by where we are, so that a client cannot choose sids that collide.
  const auto seed = reinterpret_cast<uintptr_t>(this);
  return XXH3_64bits_withSeed(sid.data(), sid.size(), seed) & (index_.size() - 1);
}

SubscriptionRecord* Subscriptions::find(std::string_view sid) {
  if (index_.empty()) {
    for (SubscriptionRecord* sub : slots_)
      if (sub != nullptr && sub->sid() == sid) return sub;
    return nullptr;
  }
  for (size_t b = bucket_of(sid); index_[b] != kFree; b = (b + 1) & (index_.size() - 1))
    if (slots_[index_[b]]->sid() == sid) return slots_[index_[b]];
  return nullptr;
}

SubscriptionRecord& Subscriptions::add(std::string_view subject, std::string_view queue,
                                 std::string_view sid, uint32_t generation) {
  const size_t text_size = subject.size() + queue.size() + sid.size();
  void* memory = std::malloc(sizeof(SubscriptionRecord) + text_size);
  if (memory == nullptr) std::abort();
  auto* sub = new (memory)
      SubscriptionRecord{0, 0, 0, generation, static_cast<uint16_t>(subject.size()),
                   static_cast<uint16_t>(queue.size()), static_cast<uint16_t>(sid.size())};
  char* text = reinterpret_cast<char*>(sub + 1);
  std::memcpy(text, subject.data(), subject.size());
  if (!queue.empty()) std::memcpy(text + subject.size(), queue.data(), queue.size());
  std::memcpy(text + subject.size() + queue.size(), sid.data(), sid.size());
  if (free_.empty()) {
    sub->slot = static_cast<uint32_t>(slots_.size());
    slots_.push_back(sub);
  } else {
    sub->slot = free_.back();
    free_.pop_back();
    slots_[sub->slot] = sub;
  }
  ++count_;
  if (!index_.empty() && count_ * 4 <= index_.size() * 3)
    index_insert(sub->slot);
  else if (count_ > kScan)
    rebuild_index();
  return *sub;
}

void Subscriptions::remove(SubscriptionRecord& sub) {
  if (!index_.empty()) index_remove(sub);
  slots_[sub.slot] = nullptr;
  --count_;
  if (count_ == 0) {
    slots_ = {};
    free_ = {};
    index_ = {};
  } else {
    free_.push_back(sub.slot);
  }
  std::free(&sub);
}

void Subscriptions::index_insert(uint32_t slot) {
  size_t b = bucket_of(slots_[slot]->sid());
  while (index_[b] != kFree) b = (b + 1) & (index_.size() - 1);
  index_[b] = slot;
}

// Closes the gap, so that no probe sequence is cut: each entry behind it moves up if its own bucket
// does not lie between the gap and itself.
void Subscriptions::index_remove(const SubscriptionRecord& sub) {
  const size_t mask = index_.size() - 1;
  size_t gap = bucket_of(sub.sid());
  while (index_[gap] != sub.slot) gap = (gap + 1) & mask;
  for (size_t b = (gap + 1) & mask; index_[b] != kFree; b = (b + 1) & mask) {
    const size_t home = bucket_of(slots_[index_[b]]->sid());
    if (((b - home) & mask) >= ((b - gap) & mask)) {
      index_[gap] = index_[b];
      gap = b;
    }
  }
  index_[gap] = kFree;
}

void Subscriptions::rebuild_index() {
  index_.assign(std::bit_ceil(count_ * 3 / 2), kFree);
  for (SubscriptionRecord* sub : slots_)
    if (sub != nullptr) index_insert(sub->slot);
}

}  // namespace pipit
