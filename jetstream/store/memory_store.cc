#include "jetstream/store/memory_store.h"

#include <algorithm>

#include "jetstream/store/memory_stream.h"
#include "jetstream/store/refusals.h"

namespace pipit::js::store {

struct MemoryStore::Guarded {
  std::mutex mutex;
  MemoryStream stream;
};

class MemoryStore::Hold {
 public:
  explicit Hold(std::shared_ptr<Guarded> guarded)
      : guarded_(std::move(guarded)), lock_(guarded_->mutex) {}
  MemoryStream* operator->() const { return &guarded_->stream; }

 private:
  std::shared_ptr<Guarded> guarded_;  // may be deleted from the store meanwhile
  std::unique_lock<std::mutex> lock_;
};

MemoryStore::MemoryStore(Clock& clock) : clock_(clock) {}
MemoryStore::~MemoryStore() = default;

Result<MemoryStore::Hold> MemoryStore::hold(StreamId id) {
  std::shared_ptr<Guarded> found;
  {
    const std::lock_guard lock(mutex_);
    const auto at = streams_.find(id);
    if (at == streams_.end()) return no_such_stream();
    found = at->second;
  }
  return Hold(std::move(found));
}

Result<Receipt> MemoryStore::create_stream(std::string_view name, const StreamSettings& settings,
                                           uint64_t first_seq, StreamId& id) {
  PIPIT_TRY(check_name(name));
  const std::lock_guard lock(mutex_);
  for (const auto& [other, guarded] : streams_)
    if (guarded->stream.name == name)
      return Error{Errc::invalid_argument, 0, "store", "there is a stream of that name"};
  auto guarded = std::make_shared<Guarded>();
  guarded->stream.name = name;
  guarded->stream.settings = settings;
  guarded->stream.last_seq = first_seq == 0 ? 0 : first_seq - 1;
  id = next_stream_++;
  streams_.emplace(id, std::move(guarded));
  return Receipt{};
}

Result<Receipt> MemoryStore::update_stream(StreamId id, const StreamSettings& settings) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  stream.value()->settings = settings;
  stream.value()->enforce_limits();
  return Receipt{};
}

Result<Receipt> MemoryStore::delete_stream(StreamId id) {
  std::shared_ptr<Guarded> gone;  // ends without the lock
  const std::lock_guard lock(mutex_);
  const auto at = streams_.find(id);
  if (at == streams_.end()) return no_such_stream();
  gone = std::move(at->second);
  streams_.erase(at);
  return Receipt{};
}

std::vector<std::pair<StreamId, std::string>> MemoryStore::streams() {
  const std::lock_guard lock(mutex_);
  std::vector<std::pair<StreamId, std::string>> all;
  for (const auto& [id, guarded] : streams_) all.emplace_back(id, guarded->stream.name);
  return all;
}

Result<StreamSettings> MemoryStore::settings(StreamId id) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return stream.value()->settings;
}

Result<StreamState> MemoryStore::state(StreamId id) {
  auto held = hold(id);
  if (!held) return held.take_error();
  const Hold& stream = held.value();
  StreamState state;
  state.messages = stream->messages.size();
  state.bytes = stream->bytes;
  state.last_seq = state.committed_seq = stream->last_seq;
  state.last_ts_ns = stream->last_ts_ns;
  if (!stream->messages.empty()) {
    state.first_seq = stream->messages.begin()->first;
    state.first_ts_ns = stream->messages.begin()->second.ts_ns;
  } else if (stream->last_seq > 0) {
    state.first_seq = stream->last_seq + 1;
  }
  return state;
}

Result<std::vector<SequenceRange>> MemoryStore::lost(StreamId id) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return std::vector<SequenceRange>();
}

Result<uint64_t> MemoryStore::subject_count(StreamId id) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return uint64_t{stream.value()->subjects.size()};
}

Result<Receipt> MemoryStore::append(StreamId id, const NewMessage& message) {
  return append_all(id, {&message, 1});
}

Result<Receipt> MemoryStore::append_all(StreamId id, std::span<const NewMessage> messages) {
  auto held = hold(id);
  if (!held) return held.take_error();
  const Hold& stream = held.value();
  if (messages.empty())
    return Error{Errc::invalid_argument, 0, "store", "a group has at least one message"};
  PIPIT_TRY(stream->admit(messages));
  const int64_t now = clock_.wall_ns();
  for (const NewMessage& message : messages) stream->append(message, now);
  stream->enforce_bytes();
  return Receipt{stream->last_seq, 0, 0};
}

Result<Receipt> MemoryStore::append_at(StreamId id, uint64_t expected_last, uint64_t seq,
                                       const NewMessage& message) {
  auto held = hold(id);
  if (!held) return held.take_error();
  const Hold& stream = held.value();
  if (stream->last_seq != expected_last || seq <= expected_last) return not_the_last();
  PIPIT_TRY(stream->admit({&message, 1}));
  stream->last_seq = seq - 1;
  stream->append(message, clock_.wall_ns());
  stream->enforce_bytes();
  return Receipt{seq, 0, 0};
}

Result<Receipt> MemoryStore::skip(StreamId id, uint64_t seq) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  if (seq <= stream.value()->last_seq)
    return Error{Errc::invalid_argument, 0, "store", "the stream is already past that sequence"};
  stream.value()->last_seq = seq;
  return Receipt{seq, 0, 0};
}

Result<Receipt> MemoryStore::remove(StreamId id, SequenceRange range, bool) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  const uint64_t removed = stream.value()->remove(range);
  if (removed == 0) return no_such_message();
  return Receipt{removed, 0, 0};
}

Result<Receipt> MemoryStore::purge(StreamId id, const SubjectFilter& filter, uint64_t below,
                                   uint64_t keep) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  const uint64_t through = below == 0 ? stream.value()->last_seq : below - 1;
  return Receipt{stream.value()->purge(filter, through, keep), 0, 0};
}

Result<StoredMessage> MemoryStore::read(StreamId id, uint64_t seq) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  const auto found = stream.value()->messages.find(seq);
  if (found == stream.value()->messages.end()) return no_such_message();
  return stream.value()->stored(found);
}

Result<StoredMessage> MemoryStore::next(StreamId id, const SubjectFilter& filter, uint64_t seq) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  const auto found = stream.value()->next(filter, seq);
  if (found == stream.value()->messages.end()) return no_such_message();
  return stream.value()->stored(found);
}

Result<StoredMessage> MemoryStore::last(StreamId id, std::string_view subject) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  const auto* const chain = stream.value()->find(subject);
  if (!chain) return no_such_message();
  return stream.value()->stored(stream.value()->messages.find(chain->last));
}

Result<StoredMessage> MemoryStore::last_match(StreamId id, const SubjectFilter& filter) {
  auto held = hold(id);
  if (!held) return held.take_error();
  const Hold& stream = held.value();
  const uint64_t newest = stream->last_of_each(filter, ~uint64_t{0}, [](uint64_t) {});
  if (newest == 0) return no_such_message();
  return stream->stored(stream->messages.find(newest));
}

Result<Counted> MemoryStore::count(StreamId id, const SubjectFilter& filter, uint64_t from) {
  auto held = hold(id);
  if (!held) return held.take_error();
  const Hold& stream = held.value();
  return Counted{stream->count(filter, from), stream->last_seq};
}

Result<std::vector<uint64_t>> MemoryStore::last_each(StreamId id, const SubjectFilter& filter,
                                                     uint64_t through, size_t limit) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  std::vector<uint64_t> sequences;
  stream.value()->last_of_each(filter, through, [&](uint64_t seq) { sequences.push_back(seq); });
  if (sequences.size() > limit) return refused("too many subjects");
  std::sort(sequences.begin(), sequences.end());
  return sequences;
}

Result<uint64_t> MemoryStore::find_first(StreamId id, std::string_view subject) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  const auto* const chain = stream.value()->find(subject);
  return chain ? chain->first : uint64_t{0};
}

Result<uint64_t> MemoryStore::find_last(StreamId id, std::string_view subject) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  const auto* const chain = stream.value()->find(subject);
  return chain ? chain->last : uint64_t{0};
}

Result<uint64_t> MemoryStore::find_id(StreamId id, std::string_view message_id, int64_t since_ns) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return message_id.empty() ? uint64_t{0} : stream.value()->find_id(hash_id(message_id), since_ns);
}

Result<uint64_t> MemoryStore::first_since(StreamId id, int64_t ts_ns) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return stream.value()->first_since(ts_ns);
}

Result<std::vector<Due>> MemoryStore::due(StreamId id, int64_t now_ns, size_t limit) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return stream.value()->due(now_ns, limit);
}

Result<int64_t> MemoryStore::next_due(StreamId id) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return stream.value()->next_due();
}

Result<void> MemoryStore::subjects(
    StreamId id, const SubjectFilter& filter,
    const std::function<void(std::string_view subject, uint64_t count)>& visit) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  if (!filter.literal.empty()) {
    if (const auto* const chain = stream.value()->find(filter.literal))
      visit(filter.literal, chain->count);
    return {};
  }
  for (const auto& [text, chain] : stream.value()->subjects)
    if (!filter.matches || filter.matches(text)) visit(text, chain.count);
  return {};
}

Result<std::vector<SequenceRange>> MemoryStore::deleted(StreamId id, size_t limit) {
  auto stream = hold(id);
  if (!stream) return stream.take_error();
  return stream.value()->deleted(limit);
}

}  // namespace pipit::js::store
