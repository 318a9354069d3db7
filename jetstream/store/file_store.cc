#include "jetstream/store/file_store.h"

#include <algorithm>

#include "jetstream/store/packing.h"
#include "jetstream/store/refusals.h"

namespace pipit::js::store {
namespace {

constexpr size_t kRangesPerRecord = 4096;
constexpr size_t kRemovedAtOnce = 1024;  // by a purge, before others have their turn
constexpr size_t kRecordMost = kRecordHeader + front_size(0xff);  // but for the caller's bytes

void gather(std::vector<SequenceRange>& ranges, uint64_t seq) {
  if (!ranges.empty() && ranges.back().last == seq - 1)
    ranges.back().last = seq;
  else
    ranges.push_back({seq, seq});
}

}  // namespace

FileStore::FileStore(Vfs& vfs, Clock& clock, StoreListener& listener,
                     const FileStoreOptions& options)
    : vfs_(vfs),
      clock_(clock),
      listener_(listener),
      options_(options),
      files_(vfs, options.cache_bytes, options.verify),
      messages_(options.message_cache_bytes),
      state_([this](const Part& part, StreamId stream, Patience patience) {
        return files_.index(part.segment, part.count, stream, patience);
      }) {}

FileStore::~FileStore() = default;

Result<Stream*> FileStore::stream_of(StreamId id) {
  Stream* const stream = state_.find(id);
  if (!stream) return no_such_stream();
  return stream;
}

Result<void> FileStore::admit(size_t bytes) {
  if (clock_.monotonic_ns() < blocked_until_ns_) return blocked_by_;
  if (pending_bytes_ + bytes > options_.pending_bytes &&
      (pending_bytes_ > 0 || bytes > kMaxRecord + kRecordMost))
    return Error{Errc::slow_consumer, 0, "store", "too much is waiting for the disk"};
  return {};
}

Result<Receipt> FileStore::put(Record record, std::vector<Erase> erases, Batch* in, bool again) {
  const size_t size = aligned(record.size());
  Batch& batch = in ? *in : batch_for(size, record.kind == RecordKind::message);
  const uint64_t offset = batch.offset + batch.bytes.size();
  record.batch = batch.number;
  const size_t undo_before = batch.undo.size();
  if (auto applied = state_.apply(record, offset, true, &batch.undo, again); !applied) {
    Undo part(std::make_move_iterator(batch.undo.begin() + static_cast<ptrdiff_t>(undo_before)),
              std::make_move_iterator(batch.undo.end()));
    batch.undo.resize(undo_before);
    state_.take_back(part);
    return applied.take_error();
  }
  write_record(batch.bytes, record, batch.segment->key, offset);
  batch.segment->end = offset + size;
  ++batch.count;
  ++records_;
  pending_bytes_ += size;
  batch.last_stream = record.stream;
  batch.last_seq = record.seq;
  batch.last_ticket = next_ticket_++;
  if (batch.first_ticket == 0) batch.first_ticket = batch.last_ticket;
  const auto stream = state_.streams.find(record.stream);
  const bool there = stream != state_.streams.end();
  if (there) batch.touched[stream->second] = stream->second->last_seq;
  if (options_.sync_always && !(there && stream->second->settings.async)) batch.wants_sync = true;
  std::move(erases.begin(), erases.end(), std::back_inserter(batch.erases));
  return Receipt{record.seq, batch.last_ticket, batch.last_ticket};
}

// Takes back what a group put into its batch, which nobody else has added to since.
void FileStore::return_to(const Mark& mark, Batch& batch, Stream& stream) {
  Undo undo(std::make_move_iterator(batch.undo.begin() + static_cast<ptrdiff_t>(mark.undo)),
            std::make_move_iterator(batch.undo.end()));
  batch.undo.resize(mark.undo);
  state_.take_back(undo);
  pending_bytes_ -= batch.bytes.size() - mark.bytes;
  batch.bytes.resize(mark.bytes);
  batch.segment->end = batch.offset + mark.bytes;
  batch.count = mark.count;
  batch.last_stream = mark.last_stream;
  batch.last_seq = mark.last_seq;
  batch.first_ticket = mark.first_ticket;
  batch.last_ticket = mark.last_ticket;
  next_ticket_ = mark.next_ticket;
  records_ = mark.records;
  const auto touched = state_.streams.find(stream.id);
  if (mark.touched == 0)
    batch.touched.erase(touched->second);
  else
    batch.touched[touched->second] = mark.touched;
}

FileStore::Mark::Mark(const Batch& batch, const std::shared_ptr<Stream>& stream, Ticket next,
                      uint32_t records_now)
    : undo(batch.undo.size()),
      bytes(batch.bytes.size()),
      count(batch.count),
      last_stream(batch.last_stream),
      records(records_now),
      last_seq(batch.last_seq),
      first_ticket(batch.first_ticket),
      last_ticket(batch.last_ticket),
      next_ticket(next) {
  if (const auto found = batch.touched.find(stream); found != batch.touched.end())
    touched = found->second;
}

Result<Receipt> FileStore::put_removals(Stream& stream, const std::vector<SequenceRange>& ranges,
                                        bool erase) {
  if (erase) messages_.clear();
  Receipt receipt{0, next_ticket_ - 1, next_ticket_ - 1};
  for (size_t at = 0; at < ranges.size(); at += kRangesPerRecord) {
    const size_t count = std::min(kRangesPerRecord, ranges.size() - at);
    const std::string_view payload(reinterpret_cast<const char*>(&ranges[at]), count * 16);
    std::vector<Erase> erases;
    for (size_t i = at; erase && i < at + count; ++i) {
      auto place = state_.next_match(stream, {}, ranges[i].first, ranges[i].last);
      while (place && place.value()) {
        ++place.value()->part->segment->erased;
        erases.push_back({place.value()->part->segment, place.value()->index});
        place = state_.next_match(stream, {}, place.value()->index.seq + 1, ranges[i].last);
      }
      if (!place) return place.take_error();
    }
    Record record;
    record.kind = RecordKind::remove;
    record.flags = erase ? kEraseFlag : 0;
    record.stream = stream.id;
    record.seq = record.prev_seq = stream.last_seq;
    record.ts_ns = clock_.wall_ns();
    record.payload = payload;
    const uint64_t before = stream.messages;
    auto put = this->put(record, std::move(erases));
    if (!put) return put;
    receipt.seq += before - stream.messages;
    receipt.ticket = receipt.through = put.value().ticket;
  }
  return receipt;
}

// What is over the stream's limits goes, the oldest first: all up to this sequence; 0: nothing.
Result<uint64_t> FileStore::over_limits(Stream& stream) {
  const StreamSettings& limits = stream.settings;
  uint64_t messages = stream.messages, bytes = stream.bytes, last = 0;
  while (too_many(limits, messages) || too_large(limits, bytes)) {
    auto place = state_.first_from(stream, last + 1);
    if (!place) return place.take_error();
    if (!place.value()) break;
    last = place.value()->index.seq;
    --messages;
    bytes -= place.value()->index.bytes;
  }
  return last;
}

Result<Receipt> FileStore::trim(Stream& stream) {
  auto last = over_limits(stream);
  if (!last) return last.take_error();
  if (last.value() == 0) return Receipt{0, next_ticket_ - 1, next_ticket_ - 1};
  return put_removals(stream, {{0, last.value()}}, false);
}

// What each subject has beyond its newest `most`.
Result<std::vector<SequenceRange>> FileStore::over_subjects(Stream& stream, int64_t most) {
  std::vector<SequenceRange> ranges;
  if (most <= 0) return ranges;
  std::vector<std::pair<std::string, uint64_t>> over;
  auto listed =
      state_.subjects(stream, {}, ~uint64_t{0}, [&](std::string_view subject, uint64_t count) {
        if (count > static_cast<uint64_t>(most)) over.emplace_back(subject, count);
      });
  if (!listed) return listed.take_error();
  for (const auto& [subject, count] : over) {
    for (uint64_t n = count; n > static_cast<uint64_t>(most); --n) {
      auto place = state_.nth_newest(stream, subject, ~uint64_t{0}, n);
      if (!place) return place.take_error();
      if (place.value()) ranges.push_back({place.value()->index.seq, place.value()->index.seq});
    }
  }
  return ranges;
}

Result<Receipt> FileStore::create_stream(std::string_view name, const StreamSettings& settings,
                                         uint64_t first_seq, StreamId& id) {
  const std::lock_guard lock(mutex_);
  PIPIT_TRY(check_name(name));
  const std::string encoded = encode_settings(settings);
  PIPIT_TRY(admit(encoded.size() + kRecordHeader));
  for (const auto& [other, stream] : state_.streams)
    if (stream->name == name)
      return Error{Errc::invalid_argument, 0, "store", "there is a stream of that name"};
  Record record;
  record.kind = RecordKind::stream_put;
  record.stream = state_.next_stream;
  record.seq = record.prev_seq = first_seq == 0 ? 0 : first_seq - 1;
  record.ts_ns = clock_.wall_ns();
  record.subject = name;
  record.payload = encoded;
  auto put = this->put(record);
  if (put) id = record.stream;
  return put;
}

Result<Receipt> FileStore::update_stream(StreamId id, const StreamSettings& settings) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  const std::string encoded = encode_settings(settings);
  PIPIT_TRY(admit(encoded.size() + kRecordHeader));
  const std::string name = stream.value()->name;
  Record record;
  record.kind = RecordKind::stream_put;
  record.stream = id;
  record.seq = record.prev_seq = stream.value()->last_seq;
  record.ts_ns = clock_.wall_ns();
  record.subject = name;
  record.payload = encoded;
  // Looked up first: what fails leaves the old settings.
  auto over = over_subjects(*stream.value(), settings.max_msgs_per_subject);
  if (!over) return over.take_error();
  auto put = this->put(record);
  if (!put) return put;
  if (auto removed = put_removals(*stream.value(), over.value(), false); removed)
    put.value().through = std::max(put.value().through, removed.value().ticket);
  // Should this fail the next message does it.
  if (auto trimmed = trim(*stream.value()); trimmed)
    put.value().through = std::max(put.value().through, trimmed.value().ticket);
  return put;
}

Result<Receipt> FileStore::delete_stream(StreamId id) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  Record record;
  record.kind = RecordKind::stream_drop;
  record.stream = id;
  record.seq = record.prev_seq = stream.value()->last_seq;
  record.ts_ns = clock_.wall_ns();
  return put(record);
}

std::vector<std::pair<StreamId, std::string>> FileStore::streams() {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<StreamId, std::string>> all;
  for (const auto& [id, stream] : state_.streams) all.emplace_back(id, stream->name);
  return all;
}

Result<StreamSettings> FileStore::settings(StreamId id) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  return stream.value()->settings;
}

Result<StreamState> FileStore::state(StreamId id) {
  const std::lock_guard lock(mutex_);
  auto found = stream_of(id);
  if (!found) return found.take_error();
  Stream& stream = *found.value();
  StreamState state;
  state.messages = stream.messages;
  state.bytes = stream.bytes;
  state.last_seq = stream.last_seq;
  state.committed_seq = std::min(stream.committed_seq, stream.last_seq);
  state.last_ts_ns = stream.last_ts_ns;
  auto first = state_.first(stream);
  if (!first) return first.take_error();
  state.first_seq = first.value()         ? first.value()->seq
                    : stream.last_seq > 0 ? stream.last_seq + 1
                                          : 0;
  state.first_ts_ns = first.value() ? first.value()->ts_ns : 0;
  return state;
}

Result<std::vector<SequenceRange>> FileStore::lost(StreamId id) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  return stream.value()->lost;
}

// What the limits say of a message, if it is refused, and what goes for it.
Result<FileStore::Verdict> FileStore::judge(Stream& stream, const NewMessage& message) {
  PIPIT_TRY(check_subject(message.subject));
  const StreamSettings& limits = stream.settings;
  const uint64_t bytes =
      counted_bytes(message.subject.size(), message.headers.size(), message.payload.size());
  uint64_t evicts = 0, freed_messages = 0, freed_bytes = 0;
  bool again = false;
  if (limits.max_msgs_per_subject > 0) {
    auto oldest = state_.nth_newest(stream, message.subject, ~uint64_t{0},
                                    static_cast<uint64_t>(limits.max_msgs_per_subject));
    if (!oldest) return oldest.take_error();
    if (oldest.value()) {
      if (limits.discard_new && limits.discard_new_per_subject && !message.rollup)
        return refused_for_subject();
      evicts = oldest.value()->index.seq;
      again = true;
      freed_messages = 1;
      freed_bytes = oldest.value()->index.bytes;
    }
  }
  if (limits.discard_new) {
    PIPIT_TRY(
        admits(limits, stream.messages + 1 - freed_messages, stream.bytes + bytes - freed_bytes));
  } else if (evicts == 0 && limits.max_msgs > 0 &&
             stream.messages == static_cast<uint64_t>(limits.max_msgs)) {
    // The usual case of a full stream, without a record of its own.
    auto oldest = state_.first(stream);
    if (!oldest) return oldest.take_error();
    if (oldest.value()) evicts = oldest.value()->seq;
  }
  return Verdict{evicts, again};
}

Record FileStore::record_of(const Stream& stream, uint64_t seq, const NewMessage& message,
                            const Verdict& verdict) {
  Record record;
  record.stream = stream.id;
  record.prev_seq = stream.last_seq;
  record.seq = seq;
  record.evicts = verdict.evicts;
  record.ts_ns = message.ts_ns != 0 ? message.ts_ns : clock_.wall_ns();
  record.expires_ns = message.expires_ns;
  if (!message.id.empty()) record.id = hash_id(message.id);
  record.subject = message.subject;
  record.headers = message.headers;
  record.payload = message.payload;
  return record;
}

Result<Receipt> FileStore::append(StreamId id, const NewMessage& message) {
  return append_all(id, {&message, 1});
}

Result<Receipt> FileStore::append_all(StreamId id, std::span<const NewMessage> messages) {
  return append_group(id, messages, nullptr);
}

Result<Receipt> FileStore::append_at(StreamId id, uint64_t expected_last, uint64_t seq,
                                     const NewMessage& message) {
  const Place place{expected_last, seq};
  return append_group(id, {&message, 1}, &place);
}

// Their place: behind the last one, unless another is given.
Result<Receipt> FileStore::append_group(StreamId id, std::span<const NewMessage> messages,
                                        const Place* place) {
  std::unique_lock lock(mutex_);
  auto found = stream_of(id);
  if (!found) return found.take_error();
  std::vector<std::string> packed(messages.size());
  if (found.value()->settings.compress) {
    lock.unlock();  // others need not wait for it
    for (size_t i = 0; i < messages.size(); ++i)
      packed[i] = pack(messages[i].headers, messages[i].payload);
    lock.lock();
    found = stream_of(id);
    if (!found) return found.take_error();
  }
  Stream& stream = *found.value();
  if (messages.empty())
    return Error{Errc::invalid_argument, 0, "store", "a group has at least one message"};
  if (place && (stream.last_seq != place->expected_last || place->seq <= stream.last_seq))
    return not_the_last();
  size_t size = 0;
  for (const NewMessage& message : messages) {
    const size_t one = kRecordMost + aligned(message.subject.size() + message.headers.size() +
                                             message.payload.size());
    if (one > kMaxRecord) return refused("message too large");
    size += one;
  }
  PIPIT_TRY(admit(size));
  // One batch, so that no part of them is ever written without the others.
  Batch& batch = batch_for(size, true);
  const Mark mark{batch, state_.streams.at(id), next_ticket_, records_};
  const bool group = messages.size() > 1;
  const uint64_t first = place ? place->seq : stream.last_seq + 1;
  const uint64_t last = first + messages.size() - 1;
  Receipt receipt;
  const auto put_all = [&]() -> Result<uint64_t> {
    for (size_t i = 0; i < messages.size(); ++i) {
      auto verdict = judge(stream, messages[i]);
      if (!verdict) return verdict.take_error();
      Record record = record_of(stream, first + i, messages[i], verdict.value());
      if (!packed[i].empty()) {
        record.packed = packed[i];
        record.packed_headers = static_cast<uint32_t>(record.headers.size());
        record.packed_total = static_cast<uint32_t>(record.headers.size() + record.payload.size());
        record.headers = record.payload = {};
      }
      record.group_first = group ? first : 0;
      record.group_last = group ? last : 0;
      auto put = this->put(record, {}, &batch, verdict.value().again);
      if (!put) return put.take_error();
      receipt = put.value();
    }
    return over_limits(stream);
  };
  auto over = put_all();
  if (!over) {
    return_to(mark, batch, stream);
    return over.take_error();
  }
  if (over.value() == 0) return receipt;
  // Should this fail the next append removes them.
  if (auto removed = put_removals(stream, {{0, over.value()}}, false); removed)
    receipt.through = removed.value().ticket;
  return receipt;
}

Result<Receipt> FileStore::skip(StreamId id, uint64_t seq) {
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  PIPIT_TRY(admit(kRecordHeader));
  if (seq <= stream.value()->last_seq)
    return Error{Errc::invalid_argument, 0, "store", "the stream is already past that sequence"};
  Record record;
  record.kind = RecordKind::skip;
  record.stream = id;
  record.prev_seq = stream.value()->last_seq;
  record.seq = seq;
  record.ts_ns = clock_.wall_ns();
  return put(record);
}

Result<Receipt> FileStore::remove(StreamId id, SequenceRange range, bool erase) {
  // What the index says of the first ones is in the cache then.
  std::vector<IndexEntry> found;
  if (auto looked = search(id, {}, range, kRemovedAtOnce, found); !looked)
    return looked.take_error();
  if (found.empty()) return no_such_message();
  const std::lock_guard lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  auto first = state_.next_match(*stream.value(), {}, range.first, range.last);
  if (!first) return first.take_error();
  if (!first.value()) return no_such_message();
  return put_removals(*stream.value(), {range}, erase);
}

Result<Receipt> FileStore::purge(StreamId id, const SubjectFilter& filter, uint64_t below,
                                 uint64_t keep) {
  uint64_t through = 0;
  const bool all = filter.literal.empty() && !filter.matches;
  Receipt receipt;
  {
    const std::lock_guard lock(mutex_);
    auto stream = stream_of(id);
    if (!stream) return stream.take_error();
    receipt.ticket = receipt.through = next_ticket_ - 1;
    through = below == 0 ? stream.value()->last_seq : below - 1;
    if (stream.value()->messages == 0 || through == 0) return receipt;
    if (all && keep == 0 && through >= stream.value()->last_seq)
      return put_removals(*stream.value(), {{0, through}}, false);
  }
  if (keep > 0) {
    auto end = keep_from(id, filter, through, keep);
    if (!end) return end.take_error();
    if (end.value() == 0) return receipt;
    through = end.value() - 1;
  }
  for (uint64_t from = 0; from <= through;) {
    std::vector<IndexEntry> found;
    auto resume = search(id, filter, {from, through}, kRemovedAtOnce, found);
    if (!resume) return resume.take_error();
    if (found.empty()) break;
    std::vector<SequenceRange> ranges;
    for (const IndexEntry& entry : found) gather(ranges, entry.seq);
    if (all) ranges = {{from, found.back().seq}};
    const std::lock_guard lock(mutex_);
    auto stream = stream_of(id);
    if (!stream) return stream.take_error();
    auto put = put_removals(*stream.value(), ranges, false);
    if (!put) return put;
    receipt.seq += put.value().seq;
    receipt.ticket = receipt.through = put.value().ticket;
    from = std::max(resume.value(), from + 1);
  }
  return receipt;
}

// The sequence of the oldest of the newest `keep` messages that the filter takes; 0: there are no
// more than these.
Result<uint64_t> FileStore::keep_from(StreamId id, const SubjectFilter& filter, uint64_t through,
                                      uint64_t keep) {
  const auto count_to = [&](uint64_t most) -> Result<std::pair<uint64_t, uint64_t>> {
    uint64_t count = 0, last = 0;
    for (uint64_t from = 0; from <= through && count < most;) {
      std::vector<IndexEntry> found;
      const uint64_t piece = std::min<uint64_t>(kRemovedAtOnce, most - count);
      auto resume = search(id, filter, {from, through}, piece, found);
      if (!resume) return resume.take_error();
      if (found.empty()) break;
      count += found.size();
      last = found.back().seq;
      from = std::max(resume.value(), from + 1);
    }
    return std::pair(count, last);
  };
  auto matching = count_to(~uint64_t{0});
  if (!matching) return matching.take_error();
  if (matching.value().first <= keep) return uint64_t{0};
  auto first_kept = count_to(matching.value().first - keep + 1);
  if (!first_kept) return first_kept.take_error();
  return first_kept.value().second;
}

}  // namespace pipit::js::store
