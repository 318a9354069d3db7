// SpscRing: a bounded queue between exactly one producer thread and one consumer thread.
//
// I1  tail_ is written by the producer only, head_ by the consumer only.
// I2  A slot is constructed before the tail_ that covers it is published (release); the consumer
//     loads tail_ with acquire before it touches the slot. Its partner for free room: the consumer
//     publishes head_ (release) after it has moved the item out, the producer loads it (acquire).
// I3  push() only stages: nothing is visible before publish().
// I4  A producer that met a full ring says so in awaited_, then looks at head_ once more; the consumer
//     shows its head_, then looks at awaited_; all seq_cst, so one of them notices the other.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace pipit::net {

inline constexpr size_t kCacheLine = 64;

template <class T>
class SpscRing {
 public:
  // Requires: `capacity` is a power of two.
  explicit SpscRing(uint32_t capacity) : mask_(capacity - 1), slots_(new T[capacity]) {}

  // [producer] True until the consumer has taken something.
  bool full() {
    if (staged_ - head_seen_ <= mask_) return false;
    head_seen_ = head_.load(std::memory_order_acquire);  // I2
    return staged_ - head_seen_ > mask_;
  }
  // [producer] False, and `item` untouched, when full.
  bool push(T&& item) {
    if (full()) return false;
    slots_[staged_ & mask_] = std::move(item);
    ++staged_;
    return true;
  }
  // [producer] Shows what was pushed. True if there was anything new. seq_cst: partner of the
  // consumer's look after it said that it sleeps, see Mailbox.
  bool publish() {
    if (tail_.load(std::memory_order_relaxed) == staged_) return false;
    tail_.store(staged_, std::memory_order_seq_cst);  // I2
    return true;
  }

  // [producer] Items that publish() would show.
  uint64_t staged() const { return staged_ - tail_.load(std::memory_order_relaxed); }
  // [producer] Is there room, seen in the one order of seq_cst?
  bool has_room_seq_cst() {
    head_seen_ = head_.load(std::memory_order_seq_cst);
    return staged_ - head_seen_ <= mask_;
  }
  // [producer] After a push() that failed: the consumer's next give_room() says true. False: no need,
  // there is room by now.
  bool await_room() {
    awaited_.store(true, std::memory_order_seq_cst);  // I4
    return !has_room_seq_cst();
  }

  // [consumer] The oldest item, or null. Valid until pop().
  T* front() {
    if (taken_ == tail_seen_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);  // I2
      if (taken_ == tail_seen_) return nullptr;
    }
    return &slots_[taken_ & mask_];
  }
  // [consumer] Requires: front() gave an item.
  void pop() {
    slots_[taken_ & mask_] = T();
    ++taken_;
    head_.store(taken_, std::memory_order_release);  // I2
  }
  // [consumer] After some pop()s. True: the producer waits for the room, tell it.
  bool give_room() {
    head_.store(taken_, std::memory_order_seq_cst);  // I4
    return awaited_.load(std::memory_order_seq_cst) &&
           awaited_.exchange(false, std::memory_order_relaxed);
  }
  // [consumer] Partner of publish(): is there something, seen in the one order of seq_cst?
  bool empty_seq_cst() const { return taken_ == tail_.load(std::memory_order_seq_cst); }

 private:
  const uint64_t mask_;
  std::unique_ptr<T[]> slots_;
  alignas(kCacheLine) std::atomic<uint64_t> tail_{0};
  uint64_t staged_ = 0;     // producer's
  uint64_t head_seen_ = 0;  // producer's
  alignas(kCacheLine) std::atomic<uint64_t> head_{0};
  uint64_t taken_ = 0;      // consumer's
  uint64_t tail_seen_ = 0;  // consumer's
  alignas(kCacheLine) std::atomic<bool> awaited_{false};
};

}  // namespace pipit::net
