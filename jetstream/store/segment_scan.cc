#include "jetstream/store/segment_scan.h"

#include <algorithm>
#include <map>
#include <vector>

namespace pipit::js::store {
namespace {

// A kernel copies page after page, and stops between two if the process is killed. Its pages may be
// larger: a multiple of this.
constexpr uint64_t kPage = 4096;
// In front of a cut stands what was written, which may itself end with some zeros.
constexpr uint64_t kZerosInFront = 64;

// The end of the bytes in [begin, end) that are not zero.
uint64_t end_of_content(Bytes bytes, uint64_t begin, uint64_t end) {
  while (end > begin && bytes[end - 1] == std::byte{0}) --end;
  return end;
}

uint64_t next_page(uint64_t position) { return (position + kPage - 1) / kPage * kPage; }

}  // namespace

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

std::set<GroupName> torn_groups(Bytes bytes, uint64_t key, bool verify) {
  struct Group {
    uint64_t last = 0;
    std::set<uint64_t> found;
    uint32_t batch = 0;
  };
  std::map<GroupName, Group> groups;
  // Bodies are overwritten when what says so is on the disk, and all in front of it.
  std::map<uint32_t, std::vector<std::pair<uint64_t, uint64_t>>> erased;
  uint32_t synced = 0;
  SegmentScan scan(bytes, key, verify);
  for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;) {
    if (found == SegmentScan::Found::batch) synced = std::max(synced, scan.batch().synced);
    if (found != SegmentScan::Found::record || !scan.parsed().body_good) continue;
    const Record& record = scan.parsed().record;
    if (record.kind == RecordKind::remove && (record.flags & kEraseFlag) != 0)
      for (size_t at = 0; at + 16 <= record.payload.size(); at += 16)
        erased[record.stream].emplace_back(get<uint64_t>(record.payload.data() + at),
                                           get<uint64_t>(record.payload.data() + at + 8));
    if (record.group_last == 0) continue;
    Group& group = groups[group_of(record)];
    group.last = record.group_last;
    group.batch = record.batch;
    group.found.insert(record.seq);
  }
  std::set<GroupName> torn;
  for (const auto& [name, group] : groups) {
    if (group.batch <= synced) continue;
    const auto is_there = [&, &name = name, &group = group](uint64_t seq) {
      const auto& ranges = erased[name.first];
      return group.found.contains(seq) ||
             std::any_of(ranges.begin(), ranges.end(), [seq](const auto& range) {
               return range.first <= seq && seq <= range.second;
             });
    };
    uint64_t seq = name.second;
    if (group.last - seq > bytes.size() / kRecordHeader) continue;  // nobody wrote that
    while (seq <= group.last && is_there(seq)) ++seq;
    if (seq <= group.last) torn.insert(name);
  }
  return torn;
}

std::optional<CutBatch> cut_batch(Bytes bytes, uint64_t key, bool verify) {
  uint64_t begin = 0, end = 0;  // of the last batch, and of its whole records
  uint64_t broken_end = 0;      // of the record behind them, if its header is whole; 0: it is not
  bool more = false;            // behind the one that is broken
  uint64_t last_begin = 0;      // of the last thing that is whole
  Record last;                  // which record that is, or was before the batch
  SegmentScan scan(bytes, key, verify);
  for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;) {
    if (found == SegmentScan::Found::damage) return {};
    if (found == SegmentScan::Found::batch) {
      begin = scan.offset();
      last_begin = begin;
      end = begin + kBatchHeader;
      broken_end = 0;
      more = false;
      continue;
    }
    if (scan.parsed().record.batch != scan.batch().number) return {};
    more = broken_end != 0;
    const uint64_t record_end = scan.offset() + scan.parsed().end;
    if (scan.parsed().body_good) {
      last_begin = scan.offset();
      end = record_end;
      last = scan.parsed().record;
    } else if (!more) {
      broken_end = record_end;
    }
  }
  const BatchHeader& batch = scan.batch();
  const uint64_t batch_end = begin + batch.length;
  if (begin == 0 || scan.whole_tail() || more || batch_end > bytes.size()) return {};

  // The cut is in the record that is broken, or in the end of the one in front of it, if what stood
  // there before is the same.
  const uint64_t most = std::min(broken_end != 0 ? broken_end : end + kRecordHeader, batch_end);
  if (next_page(last_begin + 1) >= most) return {};
  const uint64_t content = end_of_content(bytes, begin, batch_end);
  const uint64_t cut = next_page(content);
  const bool in_header = broken_end == 0 && next_page(end) < most;
  if (content <= most &&
      (in_header ? next_page(end) >= content : cut < most && cut - content <= kZerosInFront))
    return CutBatch{batch.number, end};
  // Not zeros: then records of the file's earlier life, or of a batch that failed.
  for (uint64_t at = broken_end != 0 ? end + kRecordHeader : end; at < batch_end;
       at += kAlignment) {
    const auto old = read_record_header(bytes.subspan(at), key, at, false);
    if (!old) continue;
    const bool before = old->record.stream == last.stream && old->record.seq <= last.seq;
    if (before || old->record.batch != batch.number) return CutBatch{batch.number, end};
  }
  return {};
}

}  // namespace pipit::js::store
