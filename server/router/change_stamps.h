// ChangeStamps: counts the changes of one trie, in stripes by what a change can touch.
//
// A pattern bumps one counter: a literal the stripe of its whole text; a wildcard that begins with
// two literal tokens the stripe of these two (so `_INBOX.<id>.*` leaves other inboxes alone); one
// that begins with one literal token the stripe of that; any other the one counter of all subjects.
// A subject reads the four it depends on. Counters only grow, so their sum is unchanged exactly if
// each of them is: the sum is the Stamp.
//
// Orders, for both kinds of counter: the writer changes the trie, then bumps the stripe, then the
// version, each with release; a reader loads the version, then stripes, then walks, the first two
// with acquire. So what it walks is at least as new as the stamp, and a stamp taken after a version
// counts all changes of that version.
#pragma once
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace pipit::router {

struct Stamp {
  uint64_t changes = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// Where a subject's counters are.
struct StampKey {
  uint32_t literal = 0, first_two = 0, first = 0;
};

class ChangeStamps {
 public:
  ChangeStamps();
  ChangeStamps(const ChangeStamps&) = delete;

  // [any thread] `hash` is hash_subject(subject).
  static StampKey key(std::string_view subject, uint64_t hash);
  Stamp stamp(const StampKey& key) const;
  // Counts every change: as long as it stands still, so do all stamps.
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // [writer, after the change] Requires: a valid pattern.
  void bump(std::string_view pattern);

 private:
  struct Free {
    void operator()(uint64_t* counters) const { std::free(counters); }
  };
  alignas(64) std::atomic<uint64_t> version_{0};
  std::unique_ptr<uint64_t[], Free> counters_;
};

}  // namespace pipit::router
