// Progress: what became of the store's tickets, as its thread says it, for one reader: a shard.
//
// I1  The reader says that it waits under the lock in which it looks. Who reports after that finds
// it
//     waiting and wakes it; who reported before has been seen.
// I2  A ticket is handed out before it can fail. So whoever has queued all that it was handed may
// take
//     the failures once and forget them.
#pragma once
#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "jetstream/store/store.h"

namespace pipit::js {

struct FailedTickets {
  store::Ticket from = 0, through = 0;
  Error error;
};

class Progress {
 public:
  struct News {
    store::Ticket written = 0, durable = 0;
    std::vector<FailedTickets> failed;  // since the last look
  };

  // [store thread] True: wake the reader.
  bool written(store::Ticket through) {
    const std::lock_guard lock(mutex_);
    news_.written = through;
    return std::exchange(waits_, false);
  }
  bool durable(store::Ticket through) {
    const std::lock_guard lock(mutex_);
    news_.durable = through;
    return std::exchange(waits_, false);
  }
  // Wakes it whether it waits or not, so that failures do not pile up.
  void failed(const FailedTickets& tickets) {
    const std::lock_guard lock(mutex_);
    news_.failed.push_back(tickets);
    failures_.fetch_add(1, std::memory_order_release);
    waits_ = false;
  }

  // [reader] From now on it waits for more.
  News look() {
    const std::lock_guard lock(mutex_);
    waits_ = true;
    News news{news_.written, news_.durable, std::move(news_.failed)};
    news_.failed.clear();
    return news;
  }
  // [reader] It waits for nothing.
  void rest() {
    const std::lock_guard lock(mutex_);
    waits_ = false;
  }
  // How many times something failed: what was read of messages under way before that may be gone.
  uint64_t failures() const { return failures_.load(std::memory_order_acquire); }

 private:
  std::mutex mutex_;
  News news_;
  bool waits_ = false;
  std::atomic<uint64_t> failures_{0};
};

}  // namespace pipit::js
