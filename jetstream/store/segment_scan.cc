#include "jetstream/store/segment_scan.h"

namespace pipit::js::store {

SegmentScan::SegmentScan(Bytes bytes, uint64_t key, bool verify)
    : bytes_(bytes), key_(key), verify_(verify) {
  if (bytes_.size() < kSegmentHeader) {
    position_ = batch_end_ = bytes_.size();
    whole_tail_ = false;
  }
}

bool SegmentScan::batch_at(uint64_t position) {
  const auto header = read_batch_header(bytes_.subspan(position), key_, position);
  if (!header || header->number <= number_) return false;
  batch_ = *header;
  return true;
}

bool SegmentScan::record_at(uint64_t position) {
  const auto parsed = read_record(bytes_.subspan(position), key_, position, verify_);
  if (!parsed || parsed->record.batch < number_) return false;
  parsed_ = *parsed;
  return true;
}

SegmentScan::Found SegmentScan::next() {
  offset_ = position_;
  const bool inside = remaining_ > 0;
  // Where a batch should begin there may be a record of it, if its own header is damaged.
  for (uint64_t at = position_; at + kBatchHeader <= bytes_.size(); at += kAlignment) {
    const bool batch = batch_at(at);
    if (!batch && !record_at(at)) continue;
    if (at != position_) {
      position_ = at;
      return Found::damage;
    }
    if (batch) {
      number_ = batch_.number;
      remaining_ = batch_.count;
      batch_end_ = position_ + batch_.length;
      position_ += kBatchHeader;
      whole_tail_ = remaining_ == 0;
      return Found::batch;
    }
    if (parsed_.record.batch != number_) {  // its batch header was lost, and with it the count
      number_ = parsed_.record.batch;
      remaining_ = 0;
      batch_end_ = 0;
    } else if (inside) {
      --remaining_;
    }
    position_ += parsed_.end;
    // A length that reaches past the bytes that are there: the record is cut.
    const bool cut = position_ > bytes_.size();
    if (cut) position_ = bytes_.size();
    whole_tail_ = !cut && parsed_.body_good && remaining_ == 0 && position_ == batch_end_;
    return Found::record;
  }
  return Found::end;
}

}  // namespace pipit::js::store
