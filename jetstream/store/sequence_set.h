// SequenceSet: which sequences of a part are gone. Kept as runs, or as bits where that takes less:
// what limits and purges remove is one run; every second message costs one bit each.
#pragma once
#include <cstdint>
#include <vector>

#include "jetstream/store/store.h"

namespace pipit::js::store {

class SequenceSet {
 public:
  bool contains(uint64_t seq) const;
  // The first sequence from `seq` on that is not in it.
  uint64_t next_absent(uint64_t seq) const;
  // The first one from `seq` on that is in it; the highest number there is if none is.
  uint64_t next_present(uint64_t seq) const;
  void insert(SequenceRange range);
  void erase(uint64_t seq);
  // All that are not above `seq`.
  void erase_through(uint64_t seq);
  bool empty() const { return runs_.empty() && words_.empty(); }
  size_t bytes() const { return runs_.size() * sizeof(SequenceRange) + words_.size() * 8; }

  // As it is kept, for the checkpoint: either runs, or bits from `base` on.
  const std::vector<SequenceRange>& runs() const { return runs_; }
  const std::vector<uint64_t>& words() const { return words_; }
  uint64_t base() const { return base_; }
  // False, and unchanged: nobody kept it like that.
  bool assign(std::vector<SequenceRange> runs, uint64_t base, std::vector<uint64_t> words);

  friend bool operator==(const SequenceSet&, const SequenceSet&) = default;

 private:
  std::vector<SequenceRange>::const_iterator run_at(uint64_t seq) const;
  void set_bits(SequenceRange range);
  void choose_form();

  std::vector<SequenceRange> runs_;  // in order, never adjoining
  std::vector<uint64_t> words_;      // if not empty there are no runs
  uint64_t base_ = 0;                // of the first bit
};

}  // namespace pipit::js::store
