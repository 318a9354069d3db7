// What the WebSockets of one loop share: memory that each needs only while it is at work.
//
// Buffers are taken out and given back, because a callback of one stream may lead into another.
#pragma once
#include <sys/uio.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/ws_deflate.h"
#include "transport/ws_stream.h"

namespace pipit::net {

// Payloads that were compressed a moment ago, for the next stream that is given the same. Each entry
// holds the payload's slab: as long as it does, nothing else can lie at that address.
class WsShared {
 public:
  struct Key {
    const char* data;
    size_t size;
    int window_bits;
    bool in_pieces;
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    Key key{};
    SlabRef source, frames;
    std::string_view bytes;  // in `frames`
  };

  const Entry* find(const Key& key) const {
    for (const Entry& entry : entries_)
      if (entry.key == key && entry.source) return &entry;
    return nullptr;
  }
  SharedFrames add(const Key& key, const SlabRef& source, std::string_view frames) {
    Entry& entry = entries_[next_++ % entries_.size()];
    entry.key = key;
    entry.source = source.share();
    entry.frames = pool_.make(static_cast<uint32_t>(frames.size()));
    std::memcpy(entry.frames.bytes(), frames.data(), frames.size());
    entry.bytes = {reinterpret_cast<const char*>(entry.frames.bytes()), frames.size()};
    return {entry.frames.share(), entry.bytes};
  }
  void forget() {
    if (next_ == 0) return;
    for (Entry& entry : entries_) entry = {};
    next_ = 0;
  }

 private:
  // With and without headers, for browsers and for others.
  std::array<Entry, 4> entries_;
  size_t next_ = 0;
  SlabPool pool_;
};

struct WsScratch::Impl {
  static constexpr size_t kInflatersKept = 4;
  // A buffer that one large message blew up is not kept.
  static constexpr size_t kBufferKept = 1 << 20;

  std::unique_ptr<WsInflater> take_inflater() {
    if (inflaters.empty()) return std::make_unique<WsInflater>();
    std::unique_ptr<WsInflater> one = std::move(inflaters.back());
    inflaters.pop_back();
    one->reset();
    return one;
  }
  void give(std::unique_ptr<WsInflater> inflater) {
    if (inflater && inflaters.size() < kInflatersKept) inflaters.push_back(std::move(inflater));
  }
  WsDeflater& deflater(int window_bits) {
    std::unique_ptr<WsDeflater>& one = deflaters[static_cast<size_t>(window_bits)];
    if (!one) one = std::make_unique<WsDeflater>(window_bits);
    return *one;
  }
  std::string take_input() { return std::exchange(input, {}); }
  void give_input(std::string buffer) {
    if (buffer.capacity() <= kBufferKept) input = std::move(buffer);
  }

  std::vector<uint8_t> take_packed() { return std::exchange(packed, {}); }
  void give_packed(std::vector<uint8_t> buffer) {
    if (buffer.capacity() > packed.capacity() && buffer.capacity() <= kBufferKept)
      packed = std::move(buffer);
  }

  std::vector<std::unique_ptr<WsInflater>> inflaters;
  std::array<std::unique_ptr<WsDeflater>, 16> deflaters;
  std::string request;     // the head of an upgrade request being read
  std::string input;       // what was read behind compressed bytes, on its way to the handler
  std::vector<uint8_t> packed;  // of one incoming message, to be inflated
  std::string compressed;  // one outgoing message
  std::string heads;       // of the frames of one write
  std::vector<iovec> parts, message_parts;
  WsShared shared;
  uint64_t deflated = 0;  // messages
};

}  // namespace pipit::net
