#include "jetstream/store/index.h"

#include <xxhash.h>

namespace pipit::js::store {

uint64_t hash_subject(std::string_view subject) {
  return XXH3_64bits(subject.data(), subject.size());
}

Result<uint32_t> Index::lower_bound(uint64_t seq) {
  uint32_t low = 0, high = size();
  if (high == 0) return 0u;
  // Most often nothing is missing, and the entry stands where its sequence says.
  auto first = entry(0);
  if (!first) return first.take_error();
  if (seq <= first.value().seq) return 0u;
  if (const uint64_t guess = seq - first.value().seq; guess < high) {
    auto there = entry(static_cast<uint32_t>(guess));
    if (!there) return there.take_error();
    if (there.value().seq == seq) return static_cast<uint32_t>(guess);
    high = static_cast<uint32_t>(guess);  // sequences rise at least by one each
  }
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    auto there = entry(middle);
    if (!there) return there.take_error();
    if (there.value().seq < seq)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

uint32_t LiveIndex::row_of(std::string_view subject) const {
  const auto found = by_hash_.find(hash_subject(subject));
  if (found == by_hash_.end()) return kNone;
  uint32_t row = found->second;
  while (row != kNone && view(rows_[row]) != subject) row = next_[row];
  return row;
}

void LiveIndex::add(uint64_t seq, uint32_t offset, uint32_t bytes, std::string_view subject) {
  const auto number = static_cast<uint32_t>(entries_.size());
  if (subject.empty()) {
    entries_.push_back({seq, offset, bytes, kNone, kNone});
    return;
  }
  uint32_t row = row_of(subject);
  if (row == kNone) {
    row = static_cast<uint32_t>(rows_.size());
    const uint64_t hash = hash_subject(subject);
    rows_.push_back({hash, kNone, 0, static_cast<uint32_t>(texts_.size()),
                     static_cast<uint32_t>(subject.size())});
    texts_.append(subject);
    const auto [slot, is_new] = by_hash_.try_emplace(hash, row);
    next_.push_back(is_new ? kNone : slot->second);
    slot->second = row;
  }
  entries_.push_back({seq, offset, bytes, row, rows_[row].last});
  rows_[row].last = number;
  ++rows_[row].count;
}

void LiveIndex::pop() {
  const IndexEntry entry = entries_.back();
  entries_.pop_back();
  if (entry.subject == kNone) return;
  SubjectRow& row = rows_[entry.subject];
  row.last = entry.prev;
  if (--row.count > 0) return;
  // It came with this entry, so it is the newest row of all.
  if (next_.back() == kNone)
    by_hash_.erase(row.hash);
  else
    by_hash_[row.hash] = next_.back();
  texts_.resize(row.text_at);
  rows_.pop_back();
  next_.pop_back();
}

}  // namespace pipit::js::store
