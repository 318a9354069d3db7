// Inbox: what an in-process client was sent and its callbacks have not seen.
//
// A queue of entries in chunks of the reactor's ChunkPool. Small messages are copied behind their
// entry, large ones are shared, by Outbound's rules. An empty one owns nothing. One thread.
#pragma once
#include <cstdint>
#include <string_view>

#include "protocol/message.h"
#include "server/outbound.h"
#include "transport/slab.h"

namespace pipit {

struct SubscriptionState;

class Inbox {
 public:
  struct Entry {
    SubscriptionState* sub;
    net::SlabRef slab;  // of a shared message
    std::string_view subject, reply, headers, payload;
    uint32_t record_size;  // in its chunk
    uint32_t pins;
  };

  Inbox() = default;
  Inbox(const Inbox&) = delete;
  ~Inbox();  // Requires: clear() was called, or empty.

  bool empty() const { return count_ == 0; }
  // What push() of such a message would add to bytes(), at most.
  static size_t cost(const proto::Message& message);
  void push(SubscriptionState& sub, const proto::Message& message, bool with_headers,
            const net::SlabRef& slab, ChunkPool& pool);
  // Requires: not empty. Stays in place until pop() or clear().
  Entry& front() { return *reinterpret_cast<Entry*>(first_->bytes() + read_); }
  void pop(ChunkPool& pool);
  void clear(ChunkPool& pool);

  size_t bytes() const { return bytes_; }
  // Entries that ever were pushed, popped.
  uint64_t pushed() const { return popped_ + count_; }
  uint64_t popped() const { return popped_; }

 private:
  char* room(size_t size, ChunkPool& pool);

  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
  size_t bytes_ = 0, count_ = 0;
  uint64_t popped_ = 0;
  uint32_t read_ = 0;  // where front() is in first_
  uint8_t size_class_ = 0;
  SlicePins pins_;
};

}  // namespace pipit
