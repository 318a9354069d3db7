// MemoryStream: one stream of a MemoryStore. Messages of a subject are chained, so that its newest
// and oldest are found at once. Not thread-safe: the stream's lock guards it.
#pragma once
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "jetstream/store/record.h"
#include "jetstream/store/store.h"

namespace pipit::js::store {

class MemoryStream {
 public:
  struct Subject {
    uint64_t first = 0, last = 0;  // sequences of its messages
    uint64_t count = 0;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  using Subjects = std::unordered_map<std::string, Subject, Hash, std::equal_to<>>;
  struct Message {
    Subjects::value_type* subject = nullptr;
    uint64_t prev = 0, next = 0;  // of the same subject; 0: none
    int64_t ts_ns = 0, expires_ns = 0;
    MessageId id;
    std::string bytes;  // headers, then payload
    uint32_t headers_size = 0;

    uint64_t counted() const {
      return counted_bytes(subject->first.size(), headers_size, bytes.size() - headers_size);
    }
  };
  using Messages = std::map<uint64_t, Message>;

  std::string name;
  StreamSettings settings;
  uint64_t last_seq = 0, bytes = 0;
  int64_t last_ts_ns = 0;
  Messages messages;
  Subjects subjects;

  // The words of a limit that refuses them; nothing has changed then.
  Result<void> admit(std::span<const NewMessage> group) const;
  void append(const NewMessage& message, int64_t now_ns);
  void enforce_limits();  // after an update
  void enforce_bytes();   // after appends
  // Returns what follows it.
  Messages::iterator remove(Messages::iterator message);
  uint64_t remove(SequenceRange range);
  uint64_t purge(const SubjectFilter& filter, uint64_t through, uint64_t keep);

  Messages::const_iterator next(const SubjectFilter& filter, uint64_t seq) const;
  const Subject* find(std::string_view subject) const;
  // Tells the newest sequence up to `through` of each subject; returns the highest of them.
  uint64_t last_of_each(const SubjectFilter& filter, uint64_t through,
                        const std::function<void(uint64_t)>& tell) const;
  uint64_t count(const SubjectFilter& filter, uint64_t from) const;
  uint64_t find_id(MessageId id, int64_t since_ns) const;
  uint64_t first_since(int64_t ts_ns) const;
  std::vector<Due> due(int64_t now_ns, size_t limit);
  int64_t next_due();
  std::vector<SequenceRange> deleted(size_t limit) const;
  StoredMessage stored(Messages::const_iterator message) const;

 private:
  struct IdHash {
    size_t operator()(const MessageId& id) const { return id.low; }
  };
  struct Remembered {
    uint64_t seq = 0;
    int64_t ts_ns = 0;
  };
  Messages::const_iterator first_aging();
  void forget_ids();

  std::unordered_map<MessageId, Remembered, IdHash> ids_;  // the newest of each
  std::deque<std::pair<MessageId, Remembered>> outlived_;  // ids of what was removed
  std::set<std::pair<int64_t, uint64_t>> expiring_;        // time, sequence
  uint64_t age_from_ = 0;  // max_age can remove nothing in front of it
};

}  // namespace pipit::js::store
