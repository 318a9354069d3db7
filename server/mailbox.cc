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
  if (spill_[target].empty() && all_[target]->rings_[self_]->push(std::move(item))) return;
  spill_[target].push_back(std::move(item));
  ++spilled_;
}

void Mailbox::publish() {
  for (uint64_t left = staged_; left != 0; left &= left - 1) {
    const auto target = static_cast<uint32_t>(std::countr_zero(left));
    Mailbox& other = *all_[target];
    net::SpscRing<MailItem>& ring = *other.rings_[self_];
    std::deque<MailItem>& spill = spill_[target];
    while (!spill.empty() && ring.push(std::move(spill.front()))) {
      spill.pop_front();
      --spilled_;
    }
    if (spill.empty()) staged_ &= ~(uint64_t{1} << target);
    if (ring.publish() && other.sleeping_.load(std::memory_order_seq_cst) &&  // I1
        other.sleeping_.exchange(false, std::memory_order_relaxed))
      other.wake_();
  }
}

void Mailbox::drain(const std::function<void(MailItem&)>& handle) {
  for (auto& ring : rings_) {
    if (ring == nullptr) continue;
    // At most a ring's worth: what was there at the call is among them, and a busy sender cannot
    // keep us here.
    for (uint32_t n = 0; n < capacity_; ++n) {
      MailItem* item = ring->front();
      if (item == nullptr) break;
      handle(*item);
      ring->pop();
    }
  }
}

bool Mailbox::prepare_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);  // I1
  bool mail = posted_.load(std::memory_order_seq_cst);
  for (auto& ring : rings_) mail = mail || (ring != nullptr && !ring->empty_seq_cst());
  if (mail) sleeping_.store(false, std::memory_order_relaxed);
  return !mail;
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
  run_posted();
}

}  // namespace pipit
