// SegmentScan: what stands in the bytes of a segment, from front to back. It trusts nothing: every
// record is found by its own checksum, and behind damage by looking for the next header that holds.
//
// A batch that failed may have left records behind the end of one that was written in its place
// later. Numbers of batches rise along a segment; what has a lower one than what stood before it is
// such a leftover and is passed over as if it were not there.
#pragma once
#include <optional>
#include <set>
#include <utility>

#include "jetstream/store/record.h"

namespace pipit::js::store {

class SegmentScan {
 public:
  enum class Found : uint8_t { batch, record, damage, end };

  // `bytes` is the segment from its first byte; they must outlive the scan.
  SegmentScan(Bytes bytes, uint64_t key, bool verify = true);

  Found next();
  const BatchHeader& batch() const { return batch_; }     // the last one found
  const ParsedRecord& parsed() const { return parsed_; }  // of `record`
  uint64_t offset() const { return offset_; }             // of what was found
  uint64_t damage_end() const { return position_; }       // of `damage`: [offset, damage_end)

  // After `end`: where the last thing found ends, and whether nothing can be missing behind it: the
  // last batch is there with all of its records.
  uint64_t data_end() const { return position_; }
  bool whole_tail() const { return whole_tail_; }

 private:
  bool batch_at(uint64_t position);
  bool record_at(uint64_t position);

  const Bytes bytes_;
  const uint64_t key_;
  const bool verify_;
  BatchHeader batch_;
  ParsedRecord parsed_;
  uint64_t position_ = kSegmentHeader;
  uint64_t offset_ = kSegmentHeader;
  uint64_t batch_end_ = kSegmentHeader;
  uint32_t number_ = 0;     // of the batch that we are in
  uint32_t remaining_ = 0;  // records of it
  bool whole_tail_ = true;
};

// Groups of which a crash left only a part. One that was on the disk before the last batch was
// written was whole, and is only damaged: its other messages stay.
using GroupName = std::pair<uint32_t, uint64_t>;  // stream, first sequence
std::set<GroupName> torn_groups(Bytes bytes, uint64_t key, bool verify = true);
inline GroupName group_of(const Record& record) { return {record.stream, record.group_first}; }

// A last batch that a kill has cut: the kernel had written so many pages of it and no more.
// Nothing, if the end of the segment may have become what it is in another way. That is told by
// what stands where the rest should be: a kill leaves what was there before, from the beginning of
// a page on; damage of a batch that was whole leaves most of that batch. Requires: no power cut
// since.
struct CutBatch {
  uint32_t number = 0;
  uint64_t end = 0;  // of its last whole record
};
std::optional<CutBatch> cut_batch(Bytes bytes, uint64_t key, bool verify = true);

}  // namespace pipit::js::store
