// Subscriptions: those of one connection, found by sid (the client's name for it) and by slot (the
// router's). Compact, because a connection may hold a million: one block of memory each, about 16
// bytes of tables beside it. One thread.
#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace pipit {

// Header of a block; subject, queue and sid stand behind it.
struct SubscriptionRecord {
  uint64_t delivered;
  uint64_t max;  // auto-unsubscribe after so many; 0: never
  uint32_t slot;
  uint32_t generation;
  uint16_t subject_size, queue_size, sid_size;

  std::string_view subject() const { return {text(), subject_size}; }
  std::string_view queue() const { return {text() + subject_size, queue_size}; }
  std::string_view sid() const { return {text() + subject_size + queue_size, sid_size}; }

 private:
  const char* text() const { return reinterpret_cast<const char*>(this + 1); }
};

class Subscriptions {
 public:
  // A control line is longer than this nowhere: sizes fit 16 bits.
  static constexpr size_t kMaxText = 0xffff;

  Subscriptions() = default;
  ~Subscriptions();
  Subscriptions(const Subscriptions&) = delete;

  size_t size() const { return count_; }
  SubscriptionRecord* find(std::string_view sid);
  // Null if the slot is free or was given to another since.
  SubscriptionRecord* at(uint32_t slot, uint32_t generation) {
    if (slot >= slots_.size()) return nullptr;
    SubscriptionRecord* sub = slots_[slot];
    return sub != nullptr && sub->generation == generation ? sub : nullptr;
  }
  // Requires: find(sid) is null, each text at most kMaxText.
  SubscriptionRecord& add(std::string_view subject, std::string_view queue, std::string_view sid,
                    uint32_t generation);
  void remove(SubscriptionRecord& sub);  // frees it
  // Any one, for who removes them all. Requires: size() > 0, and nothing is added before it is 0.
  SubscriptionRecord& last() {
    while (slots_.back() == nullptr) slots_.pop_back();
    return *slots_.back();
  }
  template <class F>
  void for_each(F&& f) const {
    for (SubscriptionRecord* sub : slots_)
      if (sub != nullptr) f(*sub);
  }

 private:
  // Below this many a look along the slots beats a table.
  static constexpr size_t kScan = 8;
  static constexpr uint32_t kFree = 0xffffffff;

  size_t bucket_of(std::string_view sid) const;
  void index_insert(uint32_t slot);
  void index_remove(const SubscriptionRecord& sub);
  void rebuild_index();

  std::vector<SubscriptionRecord*> slots_;
  std::vector<uint32_t> free_;
  std::vector<uint32_t> index_;  // open addressing by hash of sid: slot numbers; empty: scan
  size_t count_ = 0;
};

}  // namespace pipit
