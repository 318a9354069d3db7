#include "server/doorbell.h"

#include <utility>

namespace pipit {

bool Doorbell::ring(std::shared_ptr<ClientLink> caller) {
  const std::lock_guard lock(mutex_);
  if (shut_) return false;
  callers_.push_back(std::move(caller));
  rung_.store(true, std::memory_order_seq_cst);               // I1
  if (sleeping_.load(std::memory_order_seq_cst) &&            // I1
      sleeping_.exchange(false, std::memory_order_relaxed))
    wake_();  // under the lock: shut() waits, and what it wakes outlives that
  return true;
}

Doorbell::Callers Doorbell::take() {
  const std::lock_guard lock(mutex_);
  rung_.store(false, std::memory_order_relaxed);
  return std::exchange(callers_, {});
}

bool Doorbell::prepare_sleep() {
  sleeping_.store(true, std::memory_order_seq_cst);                // I1
  if (!rung_.load(std::memory_order_seq_cst)) return true;         // I1
  sleeping_.store(false, std::memory_order_relaxed);
  return false;
}

Doorbell::Callers Doorbell::shut() {
  const std::lock_guard lock(mutex_);
  shut_ = true;
  rung_.store(false, std::memory_order_relaxed);
  return std::exchange(callers_, {});
}

}  // namespace pipit
