// Epoch: when may memory that a reader might still see be freed? Quiescent-state reclamation.
//
// Each reactor owns a slot. While online it may walk tries at any time; it says quiescent() once a
// loop turn, when it holds no trie pointer, and goes offline() before it sleeps in poll, so that a
// sleeping reactor never holds reclamation up. Writers retire() memory; it is freed by a later
// retire() or collect() once every online slot has been quiescent since.
//
// Threads: quiescent, offline, online by the slot's reactor only. retire and collect by any thread
// (they lock). No fences: every order is on an atomic, so TSan sees it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace pipit::router {

class Epoch {
 public:
  static constexpr uint32_t kMaxSlots = 64;
  // Runs inside retire() or collect(), under their lock: it must not call this Epoch.
  using Deleter = void (*)(void*);

  Epoch();
  ~Epoch();  // frees everything retired. Requires: no reader is left.
  Epoch(const Epoch&) = delete;

  // Requires, for all three: slot < kMaxSlots.
  void online(uint32_t slot);
  void offline(uint32_t slot);
  void quiescent(uint32_t slot);  // Requires: online.

  // Requires: no reader can find `memory` any more, only still hold it.
  void retire(void* memory, Deleter deleter);
  void collect();
  size_t retired_count() const;

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace pipit::router
