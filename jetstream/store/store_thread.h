// StoreThread: turns a FileStore on a thread of its own, and does its work behind on a second one,
// at no more than a given rate. One for each store directory.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "jetstream/store/file_store.h"

namespace pipit::js::store {

class StoreThread {
 public:
  // `tidy_bytes_per_second` bounds what is rewritten; `scrub_period_ns` is the time of one round of
  // looking for damage, 0: never.
  StoreThread(FileStore& store, uint64_t tidy_bytes_per_second, int64_t scrub_period_ns);
  // Writes what is pending, closes the store and joins.
  ~StoreThread();
  StoreThread(const StoreThread&) = delete;
  StoreThread& operator=(const StoreThread&) = delete;

 private:
  void run();
  void run_behind(uint64_t tidy_bytes_per_second, int64_t scrub_period_ns);

  FileStore& store_;
  std::mutex mutex_;
  std::condition_variable wake_, wake_behind_;
  bool pending_ = false, stop_ = false;
  std::thread writer_, behind_;
};

}  // namespace pipit::js::store
