#include "jetstream/store/message_cache.h"

#include <algorithm>

namespace pipit::js::store {

MessageCache::Entry* MessageCache::set_of(StreamId stream, uint64_t seq) {
  // Neighbours lie in different sets, and so do those of different streams.
  const uint64_t spread = (seq + uint64_t{stream} * 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
  return &entries_[(spread >> 32) % sets_ * kWays];
}

const StoredMessage* MessageCache::find(StreamId stream, uint64_t seq) {
  if (entries_.empty()) return nullptr;
  Entry* const set = set_of(stream, seq);
  for (size_t i = 0; i < kWays; ++i) {
    if (set[i].message.seq != seq || set[i].stream != stream) continue;
    if (i > 0) std::swap(set[i], set[i - 1]);
    return &set[i > 0 ? i - 1 : 0].message;
  }
  return nullptr;
}

void MessageCache::keep(StreamId stream, const StoredMessage& message) {
  if (sets_ == 0 || counted_bytes(message.subject.size(), message.headers.size(),
                                  message.payload.size()) > kMessageMax)
    return;
  if (find(stream, message.seq) != nullptr) return;
  if (entries_.empty()) entries_.resize(sets_ * kWays);
  set_of(stream, message.seq)[kWays - 1] = {stream, message};
}

}  // namespace pipit::js::store
