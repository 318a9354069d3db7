// Quota: what all streams together may take of the disk or of the memory (max_file_store,
// max_memory_store). A publish costs an addition: what goes is not counted until the sum seems to
// be over the limit; then it is asked for anew, now and then. Any thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>

namespace pipit::js {

class Quota {
 public:
  // `used` says what is really in use, and may take its time.
  Quota(uint64_t limit, std::function<uint64_t()> used) : limit_(limit), used_(std::move(used)) {}

  // So many bytes more are about to be stored. False: that is too much.
  bool admits(uint64_t bytes, int64_t now_ns) {
    if (sum_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= limit_) [[likely]]
      return true;
    return look(bytes, now_ns);
  }

  // What is there at the start.
  void count() { sum_.store(used_(), std::memory_order_relaxed); }

 private:
  static constexpr int64_t kLookEveryNs = 100'000'000;

  bool look(uint64_t bytes, int64_t now_ns) {
    const int64_t looked = looked_ns_.load(std::memory_order_relaxed);
    if (now_ns - looked >= kLookEveryNs || now_ns < looked) {
      looked_ns_.store(now_ns, std::memory_order_relaxed);
      sum_.store(used_() + bytes, std::memory_order_relaxed);
    }
    if (sum_.load(std::memory_order_relaxed) <= limit_) return true;
    sum_.fetch_sub(bytes, std::memory_order_relaxed);  // it is not stored
    return false;
  }

  const uint64_t limit_;
  const std::function<uint64_t()> used_;
  std::atomic<uint64_t> sum_{0};
  std::atomic<int64_t> looked_ns_{INT64_MIN / 2};
};

}  // namespace pipit::js
