// MessageCache: small messages that were read lately, in bounded memory, so that those which many
// ask for cost no system call. Sequences are never reused, so an entry is true as long as the index
// says that its message is there. The store's lock guards it.
#pragma once
#include <vector>

#include "jetstream/store/store.h"

namespace pipit::js::store {

class MessageCache {
 public:
  static constexpr size_t kMessageMax = 1024;  // bytes, as counted; others are not kept

  // Room for so many bytes of messages of that size.
  explicit MessageCache(size_t bytes) : sets_(bytes / kMessageMax / kWays) {}

  // Null: it is not there. Valid until the next call.
  const StoredMessage* find(StreamId stream, uint64_t seq);
  void keep(StreamId stream, const StoredMessage& message);
  // Erased messages must not outlive their bytes on the disk.
  void clear() {
    entries_ = {};
    ++clears_;
  }
  uint64_t clears() const { return clears_; }

 private:
  // A message has these places; one that is asked for moves to the front, the last is given up.
  static constexpr size_t kWays = 4;
  struct Entry {
    StreamId stream = 0;
    StoredMessage message;  // of sequence 0: none
  };
  Entry* set_of(StreamId stream, uint64_t seq);

  const size_t sets_;
  uint64_t clears_ = 0;
  std::vector<Entry> entries_;  // none before the first message
};

}  // namespace pipit::js::store
