// What a FileStore is asked of many subjects at once. It may take long, so the lock is given back
// now and then: what happens meanwhile may or may not be seen, but for messages behind `through`.
#include <algorithm>
#include <unordered_map>

#include "jetstream/store/file_store.h"
#include "jetstream/store/refusals.h"

namespace pipit::js::store {
namespace {

constexpr uint32_t kStepsAtOnce = 4096;  // rows and entries, looked at under the lock

}  // namespace

// One part of a stream after the other, the newest first, as far as they reach into `range`.
class FileStore::Survey {
 public:
  Survey(FileStore& store, StreamId id, const SubjectFilter& filter, SequenceRange range)
      : store_(store), id_(id), filter_(filter), range_(range), lock_(store.mutex_) {}

  // False: there is no other one. The lock is held from then on.
  Result<bool> next_part() {
    auto stream = store_.stream_of(id_);
    if (!stream) return stream.take_error();
    const auto& parts = stream.value()->parts;
    for (;;) {
      if (range_.last < range_.first) return false;
      size_t i = stream.value()->part_at(range_.last);
      if (i == parts.size() || parts[i]->first_seq > range_.last) {
        if (i == 0) return false;
        --i;
      }
      part_ = parts[i];
      if (part_->last_seq < range_.first || part_->first_seq > range_.last) return false;
      here_ = {std::max(range_.first, part_->first_seq), std::min(range_.last, part_->last_seq)};
      range_.last = part_->first_seq - 1;
      if (part_->first_seq == 0) range_ = {1, 0};
      if (!part_->is_bare(View::committed)) break;
    }
    auto index = store_.state_.index(*part_, id_);
    if (!index) return index.take_error();
    index_ = std::move(index).value();
    row_at_ = 0;
    return true;
  }

  // Every message of the part within the range.
  Result<uint64_t> count_part() {
    if (here_.first == part_->first_seq && here_.last == part_->last_seq && part_->leaving.empty())
      return uint64_t{part_->live};
    auto number = index_->lower_bound(here_.first);
    if (!number) return number.take_error();
    for (uint64_t count = 0;; ++count) {
      IndexEntry entry;
      number = part_->next_live(*index_, number.value(), entry, View::committed);
      if (!number) return number.take_error();
      if (number.value() >= index_->size() || entry.seq > here_.last) return count;
      number = number.value() + 1;
      breathe();
    }
  }

  // The next subject of the part that the filter takes. False: there is none.
  Result<bool> next_row() {
    if (!filter_.literal.empty()) {
      if (row_at_++ > 0) return false;
      auto number = index_->find(filter_.literal);
      if (!number) return number.take_error();
      if (number.value() == kNone) return false;
      text_ = filter_.literal;
      return load(number.value());
    }
    for (; row_at_ < index_->subjects(); breathe()) {
      auto there = load(row_at_++);
      if (!there) return there;
      auto text = index_->text(row_);
      if (!text) return text.take_error();
      text_ = std::move(text).value();
      if (!filter_.matches || filter_.matches(text_)) return true;
    }
    return false;
  }
  const std::string& text() const { return text_; }

  // The row's messages within the range, the newest first. Nothing: there is no other one.
  Result<std::optional<IndexEntry>> next_entry() {
    while (entry_at_ != kNone) {
      const uint32_t number = entry_at_;
      auto entry = index_->entry(number);
      if (!entry) return entry.take_error();
      if (entry.value().seq < here_.first) break;
      entry_at_ = entry.value().prev;
      const bool there =
          entry.value().seq <= here_.last && !part_->is_gone(entry.value().seq, View::committed);
      breathe();
      if (there) return std::optional(entry.value());
    }
    return std::optional<IndexEntry>();
  }

 private:
  Result<bool> load(uint32_t number) {
    auto row = index_->row(number);
    if (!row) return row.take_error();
    row_ = row.value();
    entry_at_ = row_.last;
    return true;
  }
  void breathe() {
    if (++steps_ % kStepsAtOnce != 0) return;
    lock_.unlock();
    lock_.lock();
  }

  FileStore& store_;
  const StreamId id_;
  const SubjectFilter& filter_;
  SequenceRange range_, here_;
  std::unique_lock<std::mutex> lock_;
  // Both outlive their segment.
  std::shared_ptr<Part> part_;
  std::shared_ptr<Index> index_;
  uint32_t row_at_ = 0, entry_at_ = kNone, steps_ = 0;
  SubjectRow row_;
  std::string text_;
};

// Where readers see the stream end.
Result<uint64_t> FileStore::committed(StreamId id) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  return stream.value()->committed_seq;
}

// The newest one of a part that has any; 0: none.
Result<uint64_t> FileStore::newest_match(StreamId id, const SubjectFilter& filter,
                                         uint64_t through) {
  Survey survey(*this, id, filter, {0, through});
  for (uint64_t newest = 0;;) {
    auto more = survey.next_part();
    if (!more) return more.take_error();
    if (!more.value()) return uint64_t{0};
    for (;;) {
      auto row = survey.next_row();
      if (!row) return row.take_error();
      if (!row.value()) break;
      auto entry = survey.next_entry();
      if (!entry) return entry.take_error();
      if (entry.value()) newest = std::max(newest, entry.value()->seq);
    }
    if (newest != 0) return newest;
  }
}

Result<StoredMessage> FileStore::last_match(StreamId id, const SubjectFilter& filter) {
  auto through = committed(id);
  if (!through) return through.take_error();
  for (;;) {
    auto newest = newest_match(id, filter, through.value());
    if (!newest) return newest.take_error();
    if (newest.value() == 0) return no_such_message();
    auto message = read(id, newest.value());
    if (message || message.error().code != Errc::invalid_argument) return message;
    through = newest.value() - 1;  // deleted meanwhile
  }
}

Result<Counted> FileStore::count(StreamId id, const SubjectFilter& filter, uint64_t from) {
  auto through = committed(id);
  if (!through) return through.take_error();
  Counted counted{0, through.value()};
  const bool all = filter.literal.empty() && !filter.matches;
  Survey survey(*this, id, filter, {from, through.value()});
  for (;;) {
    auto more = survey.next_part();
    if (!more) return more.take_error();
    if (!more.value()) return counted;
    if (all) {
      auto entries = survey.count_part();
      if (!entries) return entries.take_error();
      counted.messages += entries.value();
      continue;
    }
    for (;;) {
      auto row = survey.next_row();
      if (!row) return row.take_error();
      if (!row.value()) break;
      for (;;) {
        auto entry = survey.next_entry();
        if (!entry) return entry.take_error();
        if (!entry.value()) break;
        ++counted.messages;
      }
    }
  }
}

Result<std::vector<uint64_t>> FileStore::last_each(StreamId id, const SubjectFilter& filter,
                                                   uint64_t through, size_t limit) {
  auto end = committed(id);
  if (!end) return end.take_error();
  std::unordered_map<std::string, uint64_t> newest;
  Survey survey(*this, id, filter, {0, std::min(through, end.value())});
  for (;;) {
    auto more = survey.next_part();
    if (!more) return more.take_error();
    if (!more.value()) break;
    for (;;) {
      auto row = survey.next_row();
      if (!row) return row.take_error();
      if (!row.value()) break;
      if (newest.contains(survey.text())) continue;
      auto entry = survey.next_entry();
      if (!entry) return entry.take_error();
      if (!entry.value()) continue;
      newest.emplace(survey.text(), entry.value()->seq);
      if (newest.size() > limit) return refused("too many subjects");
    }
  }
  std::vector<uint64_t> sequences;
  for (const auto& [subject, seq] : newest) sequences.push_back(seq);
  std::sort(sequences.begin(), sequences.end());
  return sequences;
}

}  // namespace pipit::js::store
