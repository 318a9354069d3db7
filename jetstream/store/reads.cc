// What a FileStore is asked for single messages. What has to be read of sealed segments is read
// without the store's lock, where it may take long.
#include "jetstream/store/file_store.h"
#include "jetstream/store/refusals.h"

namespace pipit::js::store {
namespace {

constexpr uint32_t kLookUnderLock = 4096;  // messages

}  // namespace

// Sealed segments are searched without the lock: only whoever searches waits for the disk. The
// segment that is written is searched under it, a piece at a time.
Result<uint64_t> FileStore::search(StreamId id, const SubjectFilter& filter, SequenceRange range,
                                   size_t most, std::vector<IndexEntry>& found, View view) {
  uint64_t from = range.first;
  while (from <= range.last && found.size() < most) {
    std::unique_lock lock(mutex_);
    auto stream = stream_of(id);
    if (!stream) return stream.take_error();
    const size_t i = stream.value()->part_at(from);
    if (i == stream.value()->parts.size()) break;
    const std::shared_ptr<Part> part = stream.value()->parts[i];
    if (part->first_seq > range.last) break;
    if (part->is_bare(view)) {
      from = part->last_seq + 1;
      continue;
    }
    Result<uint64_t> resume = uint64_t{0};
    if (part->live_index) {
      resume = State::search(*part, *part->live_index,
                             {filter, from, range.last, most, kLookUnderLock, view}, found);
    } else {
      const Part copy = *part;
      lock.unlock();
      auto index = files_.index(copy.segment, copy.count, id);
      if (!index) return index.take_error();
      resume =
          State::search(copy, *index.value(), {filter, from, range.last, most, kNone, view}, found);
    }
    if (!resume) return resume;
    from = resume.value();
  }
  return from;
}

Result<StoredMessage> FileStore::fetch(std::unique_lock<std::mutex> lock, StreamId id,
                                       const State::Place& place) {
  for (State::Place at = place;;) {
    const uint64_t seq = at.index.seq;
    const std::shared_ptr<Segment> segment = at.part->segment;
    const uint64_t key = segment->key;
    lock.unlock();
    auto file = files_.data(*segment);
    Result<StoredMessage> message =
        file ? files_.read(*file.value(), key, at.index) : Result<StoredMessage>(file.take_error());
    if (message) return message;
    // Deleted or moved meanwhile, or it really cannot be read.
    lock.lock();
    Stream* const stream = state_.find(id);
    if (!stream) return no_such_stream();
    auto again = state_.locate(*stream, seq, View::committed);
    if (!again) return again.take_error();
    if (!again.value()) return no_such_message();
    if (again.value()->part->segment == at.part->segment) {
      // Its deletion is under way, and may have overwritten it already.
      if (at.part->gone.contains(seq)) return no_such_message();
      if (message.error().sys_errno == 0) {
        const SequenceRange range{seq, seq};
        auto removed = state_.remove(*stream, range, nullptr);
        if (removed) {
          state_.lose(*stream, range);
          at.part->segment->damaged = true;
          lost_.emplace_back(id, range);
          if (on_pending) on_pending();
        }
      }
      return message;
    }
    at = *again.value();
  }
}

Result<StoredMessage> FileStore::read(StreamId id, uint64_t seq) {
  std::unique_lock lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  if (seq > stream.value()->committed_seq) return no_such_message();
  auto place = state_.locate(*stream.value(), seq, View::committed);
  if (!place) return place.take_error();
  if (!place.value()) return no_such_message();
  return fetch(std::move(lock), id, *place.value());
}

Result<StoredMessage> FileStore::next(StreamId id, const SubjectFilter& filter, uint64_t seq) {
  for (uint64_t from = seq;;) {
    uint64_t through = 0;
    {
      const std::lock_guard lock(mutex_);
      auto stream = stream_of(id);
      if (!stream) return stream.take_error();
      through = stream.value()->committed_seq;
    }
    std::vector<IndexEntry> found;
    auto resume = search(id, filter, {from, through}, 1, found, View::committed);
    if (!resume) return resume.take_error();
    if (found.empty()) return no_such_message();
    std::unique_lock lock(mutex_);
    auto stream = stream_of(id);
    if (!stream) return stream.take_error();
    auto place = state_.locate(*stream.value(), found.front().seq, View::committed);
    if (!place) return place.take_error();
    if (place.value()) return fetch(std::move(lock), id, *place.value());
    from = found.front().seq + 1;  // it went meanwhile
  }
}

Result<StoredMessage> FileStore::last(StreamId id, std::string_view subject) {
  std::unique_lock lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  auto place =
      state_.last_of(*stream.value(), subject, stream.value()->committed_seq, View::committed);
  if (!place) return place.take_error();
  if (!place.value()) return no_such_message();
  return fetch(std::move(lock), id, *place.value());
}

Result<uint64_t> FileStore::find_first(StreamId id, std::string_view subject) {
  std::vector<IndexEntry> found;
  auto resume = search(id, {subject, {}}, {0, ~uint64_t{0}}, 1, found);
  if (!resume) return resume.take_error();
  return found.empty() ? uint64_t{0} : found.front().seq;
}

Result<uint64_t> FileStore::find_last(StreamId id, std::string_view subject) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  auto place = state_.last_of(*stream.value(), subject, ~uint64_t{0}, View::under_way);
  if (!place) return place.take_error();
  return place.value() ? place.value()->index.seq : uint64_t{0};
}

Result<uint64_t> FileStore::find_id(StreamId id, std::string_view message_id, int64_t since_ns) {
  if (message_id.empty()) return uint64_t{0};
  const MessageId wanted = hash_id(message_id);
  std::vector<std::pair<std::shared_ptr<Segment>, uint32_t>> sealed;  // where and of how many
  {
    const std::lock_guard lock(mutex_);
    auto stream = stream_of(id);
    if (!stream) return stream.take_error();
    const auto& parts = stream.value()->parts;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if ((*part)->ids == 0 || (*part)->newest_ns < since_ns) continue;
      if (!(*part)->live_index) {
        sealed.emplace_back((*part)->segment, (*part)->count);
        continue;
      }
      auto seq = (*part)->live_index->find_id(wanted, since_ns);
      if (seq.value() != 0 && !stream.value()->is_lost(seq.value())) return seq;
    }
  }
  for (const auto& [segment, count] : sealed) {
    auto index = files_.index(segment, count, id);
    if (!index) return index.take_error();
    auto seq = index.value()->find_id(wanted, since_ns);
    if (!seq) return seq;
    if (seq.value() == 0) continue;
    const std::lock_guard lock(mutex_);
    auto stream = stream_of(id);
    if (!stream) return stream.take_error();
    // Who sends a message again that was lost is welcome.
    if (!stream.value()->is_lost(seq.value())) return seq;
  }
  return uint64_t{0};
}

Result<uint64_t> FileStore::first_since(StreamId id, int64_t ts_ns) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  return state_.first_since(*stream.value(), ts_ns);
}

Result<std::vector<Due>> FileStore::due(StreamId id, int64_t now_ns, size_t limit) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  return state_.due(*stream.value(), now_ns, limit);
}

Result<int64_t> FileStore::next_due(StreamId id) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  return state_.next_due(*stream.value());
}

Result<std::vector<SequenceRange>> FileStore::deleted(StreamId id, size_t limit) {
  const std::lock_guard lock(mutex_);
  auto found = stream_of(id);
  if (!found) return found.take_error();
  const Stream& stream = *found.value();
  std::vector<SequenceRange> gaps;
  auto place = state_.first_from(stream, 0);
  uint64_t before = place && place.value() ? place.value()->index.seq : stream.last_seq;
  while (place && place.value() && gaps.size() < limit) {
    const uint64_t seq = place.value()->index.seq;
    if (seq > before + 1) gaps.push_back({before + 1, seq - 1});
    before = seq;
    place = state_.first_from(stream, seq + 1);
  }
  if (!place) return place.take_error();
  if (before < stream.last_seq && gaps.size() < limit && stream.messages > 0)
    gaps.push_back({before + 1, stream.last_seq});
  return gaps;
}

}  // namespace pipit::js::store
