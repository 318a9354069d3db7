#include "jetstream/store/index.h"

#include <xxhash.h>

#include <algorithm>

#include "jetstream/store/store.h"

namespace pipit::js::store {

uint64_t hash_subject(std::string_view subject) {
  return XXH3_64bits(subject.data(), subject.size());
}

Result<size_t> LiveIndex::rows(uint32_t subject, std::span<SubjectRow> into) {
  if (subject >= rows_.size()) return size_t{0};
  const size_t count = std::min(into.size(), rows_.size() - subject);
  std::copy_n(rows_.begin() + subject, count, into.begin());
  return count;
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

Result<uint32_t> Index::lower_bound_of_time(int64_t ts_ns) {
  uint32_t low = 0, high = size();
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    auto there = entry(middle);
    if (!there) return there.take_error();
    if (there.value().ts_ns < ts_ns)
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

Result<uint64_t> LiveIndex::find_id(MessageId id, int64_t since_ns) {
  const auto found = by_id_.find(id.low);
  uint32_t row = found == by_id_.end() ? kNone : found->second;
  while (row != kNone && (ids_[row].id != id || ids_[row].ts_ns < since_ns)) row = id_before_[row];
  return row == kNone ? uint64_t{0} : ids_[row].seq;
}

Result<std::optional<ExpiryRow>> LiveIndex::expiry_from(ExpiryRow from) {
  const auto found = expiries_.lower_bound(from);
  return found == expiries_.end() ? std::optional<ExpiryRow>() : *found;
}

void LiveIndex::add_id(const IdRow& row) {
  const auto [slot, is_new] = by_id_.try_emplace(row.id.low, ids());
  id_before_.push_back(is_new ? kNone : slot->second);
  slot->second = ids();
  ids_.push_back(row);
}

void LiveIndex::add(const Record& record, uint64_t offset, uint64_t counted_bytes) {
  const auto number = static_cast<uint32_t>(entries_.size());
  const std::string_view subject = record.subject;
  IndexEntry entry;
  entry.seq = record.seq;
  entry.ts_ns = record.ts_ns;
  entry.offset = static_cast<uint32_t>(offset) & 0x7fffffff;
  entry.bytes = static_cast<uint32_t>(counted_bytes);
  if (subject.empty()) {
    entries_.push_back(entry);
    return;
  }
  if (record.id) add_id({record.id, record.seq, record.ts_ns});
  if (record.expires_ns == kNeverExpires) entry.ageless = 1;
  if (record.expires_ns != 0 && record.expires_ns != kNeverExpires) {
    expiries_added_.push_back({record.expires_ns, number});
    expiries_.insert(expiries_added_.back());
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
  entry.subject = row;
  entry.prev = rows_[row].last;
  entries_.push_back(entry);
  rows_[row].last = number;
  ++rows_[row].count;
}

void LiveIndex::pop() {
  const IndexEntry entry = entries_.back();
  entries_.pop_back();
  if (entry.subject == kNone) return;
  if (!ids_.empty() && ids_.back().seq == entry.seq) {
    if (id_before_.back() == kNone)
      by_id_.erase(ids_.back().id.low);
    else
      by_id_[ids_.back().id.low] = id_before_.back();
    ids_.pop_back();
    id_before_.pop_back();
  }
  if (!expiries_added_.empty() && expiries_added_.back().entry == entries_.size()) {
    expiries_.erase(expiries_added_.back());
    expiries_added_.pop_back();
  }
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
