// MemoryStore: a Store in the memory of the process. What it holds ends with it. Everything takes
// effect at once, so every ticket is 0, which is safe from the start, and there is no listener.
//
// Each stream has a lock of its own; a call waits for calls on its stream only. Memory is what the
// messages take, about 200 bytes each on top; the limits of the streams bound it.
#pragma once
#include <map>
#include <memory>
#include <mutex>

#include "jetstream/store/store.h"
#include "jetstream/store/vfs.h"

namespace pipit::js::store {

class MemoryStore final : public Store {
 public:
  // The clock outlives the store.
  explicit MemoryStore(Clock& clock);
  ~MemoryStore() override;

  Result<Receipt> create_stream(std::string_view name, const StreamSettings& settings,
                                uint64_t first_seq, StreamId& id) override;
  Result<Receipt> update_stream(StreamId id, const StreamSettings& settings) override;
  Result<Receipt> delete_stream(StreamId id) override;
  std::vector<std::pair<StreamId, std::string>> streams() override;
  Result<StreamSettings> settings(StreamId id) override;
  Result<StreamState> state(StreamId id) override;
  Result<std::vector<SequenceRange>> lost(StreamId id) override;
  Result<uint64_t> subject_count(StreamId id) override;
  Result<Receipt> append(StreamId id, const NewMessage& message) override;
  Result<Receipt> append_all(StreamId id, std::span<const NewMessage> messages) override;
  Result<Receipt> append_at(StreamId id, uint64_t expected_last, uint64_t seq,
                            const NewMessage& message) override;
  Result<Receipt> skip(StreamId id, uint64_t seq) override;
  Result<Receipt> remove(StreamId id, SequenceRange range, bool erase) override;
  Result<Receipt> purge(StreamId id, const SubjectFilter& filter, uint64_t below,
                        uint64_t keep) override;
  Result<StoredMessage> read(StreamId id, uint64_t seq) override;
  Result<StoredMessage> next(StreamId id, const SubjectFilter& filter, uint64_t seq) override;
  Result<StoredMessage> last(StreamId id, std::string_view subject) override;
  Result<StoredMessage> read_now(StreamId id, uint64_t seq) override { return read(id, seq); }
  Result<StoredMessage> last_now(StreamId id, std::string_view subject) override {
    return last(id, subject);
  }
  Result<StoredMessage> last_match(StreamId id, const SubjectFilter& filter) override;
  Result<Counted> count(StreamId id, const SubjectFilter& filter, uint64_t from) override;
  Result<std::vector<uint64_t>> last_each(StreamId id, const SubjectFilter& filter,
                                          uint64_t through, size_t limit) override;
  Result<uint64_t> find_first(StreamId id, std::string_view subject) override;
  Result<uint64_t> find_last(StreamId id, std::string_view subject) override;
  Result<uint64_t> find_id(StreamId id, std::string_view message_id, int64_t since_ns) override;
  Result<uint64_t> first_since(StreamId id, int64_t ts_ns) override;
  Result<std::vector<Due>> due(StreamId id, int64_t now_ns, size_t limit) override;
  Result<int64_t> next_due(StreamId id) override;
  Result<void> subjects(
      StreamId id, const SubjectFilter& filter,
      const std::function<void(std::string_view subject, uint64_t count)>& visit) override;
  Result<std::vector<SequenceRange>> deleted(StreamId id, size_t limit) override;

 private:
  struct Guarded;
  class Hold;
  Result<Hold> hold(StreamId id);

  Clock& clock_;
  std::mutex mutex_;  // of the two below
  std::map<StreamId, std::shared_ptr<Guarded>> streams_;
  StreamId next_stream_ = 1;
};

}  // namespace pipit::js::store
