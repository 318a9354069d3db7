#include "jetstream/store/store_thread.h"

#include <algorithm>

namespace pipit::js::store {

StoreThread::StoreThread(FileStore& store, uint64_t tidy_bytes_per_second, int64_t scrub_period_ns)
    : store_(store) {
  store_.on_pending = [this] {
    const std::lock_guard lock(mutex_);
    pending_ = true;
    wake_.notify_one();
  };
  writer_ = std::thread([this] { run(); });
  behind_ = std::thread([this, tidy_bytes_per_second, scrub_period_ns] {
    run_behind(tidy_bytes_per_second, scrub_period_ns);
  });
}

StoreThread::~StoreThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_one();
    wake_behind_.notify_one();
  }
  behind_.join();
  writer_.join();
  store_.on_pending = nullptr;
  (void)store_.close();  // what fails is recovered at the next start
}

void StoreThread::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    pending_ = false;
    lock.unlock();
    while (store_.turn()) {
    }
    lock.lock();
    // Wakes by itself for what the interval has to sync.
    wake_.wait_for(lock, std::chrono::milliseconds(100), [this] { return pending_ || stop_; });
  }
}

void StoreThread::run_behind(uint64_t tidy_bytes_per_second, int64_t scrub_period_ns) {
  using namespace std::chrono;
  const auto step = nanoseconds(store_.segment_bytes() * 1'000'000'000 /
                                std::max<uint64_t>(tidy_bytes_per_second, 1));
  auto scrub_at = steady_clock::now() + nanoseconds(scrub_period_ns);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    bool worked = store_.tidy();
    if (!worked && scrub_period_ns > 0 && steady_clock::now() >= scrub_at) {
      worked = store_.scrub();
      if (!worked) scrub_at = steady_clock::now() + nanoseconds(scrub_period_ns);
    }
    lock.lock();
    const auto pause = worked ? nanoseconds(step) : nanoseconds(seconds(1));
    wake_behind_.wait_for(lock, pause, [this] { return stop_; });
  }
}

}  // namespace pipit::js::store
