#include "server/mailbox.h"

#include <algorithm>
#include <bit>

namespace pipit {

namespace {

// 1024 items a pair where there are few reactors; the sum over all pairs stays bounded.
uint32_t capacity_for(uint32_t reactors) {
  return std::clamp(std::bit_floor(8192U / std::max(reactors, 1U)), 64U, 1024U);
}

}  // namespace

Mailbox::Mailbox(uint16_t self, uint32_t reactors, std::function<void()> wake,
                 uint32_t ring_capacity)
    : self_(self), capacity_(ring_capacity > 0 ? ring_capacity : capacity_for(reactors)), wake_(std::move(wake)), rings_(reactors),
      spill_(reactors) {
  for (uint32_t from = 0; from < reactors; ++from)
    if (from != self) rings_[from] = std::make_unique<net::SpscRing<MailItem>>(capacity_);
}

void Mailbox::send(uint16_t target, MailItem&& item) {
  staged_ |= uint64_t{1} << target;
  net::SpscRing<MailItem>& ring = ring_to(target);
  if (spill_[target].empty() && ring.push(std::move(item))) {
    // The other side may as well begin: a long read would fill the ring while it sleeps.
    if (ring.staged() >= capacity_ / 2) show(target);
    return;
  }
  spill_[target].push_back(std::move(item));
  ++spilled_;
}

void Mailbox::publish() {
  for (uint64_t left = staged_; left != 0; left &= left - 1) {
    const auto target = static_cast<uint32_t>(std::countr_zero(left));
    const bool all = fill_from_spill(target);
    show(target);
    if (all) staged_ &= ~(uint64_t{1} << target);
  }
}

// True: nothing waits any more. False: the receiver will tell when there is room.
bool Mailbox::fill_from_spill(uint32_t target) {
  net::SpscRing<MailItem>& ring = ring_to(target);
  std::deque<MailItem>& spill = spill_[target];
  do {
    while (!spill.empty() && ring.push(std::move(spill.front()))) {
      spill.pop_front();
      --spilled_;
    }
  } while (!spill.empty() && !ring.await_room());
  return spill.empty();
}

void Mailbox::show(uint32_t target) {
  if (ring_to(target).publish()) all_[target]->wake_if_asleep();
}

void Mailbox::wake_if_asleep() {
  if (sleeping_.load(std::memory_order_seq_cst) &&  // I1, I2
      sleeping_.exchange(false, std::memory_order_relaxed))
    wake_();
}

void Mailbox::drain(const std::function<void(MailItem&)>& handle) {
  for (uint32_t sender = 0; sender < rings_.size(); ++sender) {
    if (rings_[sender] == nullptr) continue;
    net::SpscRing<MailItem>& ring = *rings_[sender];
    // At most a ring's worth: what was there at the call is among them, and a busy sender cannot
    // keep us here.
    uint32_t taken = 0;
    while (taken < capacity_) {
      MailItem* item = ring.front();
      if (item == nullptr) break;
      handle(*item);
      ring.pop();
      if (++taken == capacity_ / 2 && ring.give_room()) all_[sender]->wake_if_asleep();
    }
    if (taken > 0 && ring.give_room()) all_[sender]->wake_if_asleep();
  }
}

bool Mailbox::prepare_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);  // I1, I2
  bool busy = posted_.load(std::memory_order_seq_cst);
  for (auto& ring : rings_) busy = busy || (ring != nullptr && !ring->empty_seq_cst());
  for (uint32_t target = 0; spilled_ > 0 && !busy && target < spill_.size(); ++target)
    busy = !spill_[target].empty() && ring_to(target).has_room_seq_cst();
  if (busy) sleeping_.store(false, std::memory_order_relaxed);
  return !busy;
}

bool Mailbox::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
  }
  posted_.store(true, std::memory_order_seq_cst);
  wake_();
  return true;
}

void Mailbox::run_posted() {
  if (!posted_.exchange(false, std::memory_order_acq_rel)) return;
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (auto& task : tasks) task();
}

void Mailbox::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  // Who was quicker with its task may not have come to say so yet.
  posted_.store(true, std::memory_order_relaxed);
  run_posted();
}

}  // namespace pipit
