// Reads of a FileStore that never wait for the disk: what they need is in memory, the store's or
// the kernel's, or they are not done.
#include "jetstream/store/file_store.h"
#include "jetstream/store/refusals.h"

namespace pipit::js::store {
namespace {

constexpr uint32_t kQuickBytes = 64 * 1024;

Error too_slow() { return {Errc::timeout, 0, "store", "it would have to wait for the disk"}; }

}  // namespace

Result<StoredMessage> FileStore::quick_read(StreamId id, const FindPlace& find) {
  std::unique_lock lock(mutex_);
  auto stream = stream_of(id);
  if (!stream) return stream.take_error();
  std::optional<State::Place> place;
  {
    auto found = find(*stream.value());
    if (!found && found.error().code == Errc::io) return too_slow();  // who may wait finds out
    if (!found) return found.take_error();
    if (!found.value()) return no_such_message();
    place = std::move(found).value();
  }
  const IndexEntry& entry = place->index;
  if (const StoredMessage* const kept = messages_.find(id, entry.seq)) return *kept;
  if (entry.bytes > kQuickBytes) return too_slow();
  auto file = files_.data(*place->part->segment);
  if (!file) return too_slow();
  const uint64_t key = place->part->segment->key, clears = messages_.clears();
  lock.unlock();
  auto message = files_.read(*file.value(), key, entry, Patience::now);
  // Moved meanwhile, or damaged: who may wait finds out.
  if (!message) return too_slow();
  if (entry.bytes <= MessageCache::kMessageMax) {
    lock.lock();
    // Not if it may have been erased meanwhile.
    if (messages_.clears() == clears) messages_.keep(id, message.value());
  }
  return message;
}

Result<StoredMessage> FileStore::read_now(StreamId id, uint64_t seq) {
  return quick_read(id, [&](const Stream& stream) -> Result<std::optional<State::Place>> {
    if (seq > stream.committed_seq) return std::optional<State::Place>();
    return state_.locate(stream, seq, View::committed, Patience::now);
  });
}

Result<StoredMessage> FileStore::last_now(StreamId id, std::string_view subject) {
  return quick_read(id, [&](const Stream& stream) {
    return state_.last_of(stream, subject, stream.committed_seq, View::committed, Patience::now);
  });
}

}  // namespace pipit::js::store
