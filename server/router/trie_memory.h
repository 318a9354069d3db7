// TrieMemory: where the blocks of one trie come from and how they leave. Writers only.
//
// Every block is trivially destructible, so freeing one is giving its bytes back, nothing more.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "server/router/epoch.h"

namespace pipit::router {

class TrieMemory {
 public:
  explicit TrieMemory(Epoch& epoch) : epoch_(epoch) {}

  void* take(size_t size) {
    count(size);
    return ::operator new(size);
  }
  // For a block that no reader can have seen.
  void give_back(void* block, size_t size) {
    count(-size);
    ::operator delete(block);
  }
  // For a block that has been unlinked and that a reader may still hold.
  void retire(void* block, size_t size) {
    count(-size);
    epoch_.retire(block, [](void* memory) { ::operator delete(memory); });
  }
  // [any thread]
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  // Relaxed: a figure for monitoring, changed under the writers' mutex only.
  void count(size_t delta) {
    bytes_.store(bytes_.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
  }

  Epoch& epoch_;
  std::atomic<uint64_t> bytes_{0};
};

}  // namespace pipit::router
