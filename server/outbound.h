// Outbound: what one connection still has to send, and how many bytes that is.
//
// Protocol text and small payloads are copied, one behind the other, into chunks that grow with the
// queue (1 KiB, 8 KiB, 64 KiB); large payloads are slices of the slab they were read into. A queue
// that has been sent owns nothing: its chunks go back to the reactor's ChunkPool. One thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "transport/byte_stream.h"
#include "transport/slab.h"

namespace pipit {

// Up to this many bytes a payload is copied behind its MSG line, above it is sliced. A slice costs two
// more iovecs and a count, and pins a 64 KiB slab; a copy costs its bytes. bench_outbound, into TCP,
// copy against slice: 34 and 69 ns a message at 128 bytes, 109 and 130 at 512, 134 and 162 at 1 KiB,
// 265 and 283 at 2 KiB, 529 and 520 at 4 KiB. The whole broker, one subscriber, 1 KiB: 0.34 and 0.46 us.
inline constexpr size_t kInlinePayloadMax = 2048;
// To subscribers whose streams compress, payloads from this size on go in frames of their own that
// all of them share. bench_ws (fan_out), base64, deflated for each in batches of ten against shared,
// us a message: for one subscriber 2.9 and 5.6 at 512 bytes, 6.8 and 7.9 at 1 KiB, 33 and 13 at
// 2 KiB; for two 2.8 and 2.8, 6.2 and 3.9, 33 and 6.5.
inline constexpr size_t kSharedPayloadMin = 1024;
// What the slices of one queue may pin before it is weighed against what is pending.
inline constexpr size_t kPinnedFree = 256 * 1024;

// What the slices of one queue keep from others.
struct SlicePins {
  size_t bytes = 0;
  const std::byte* last_slab = nullptr;  // of which something was sliced

  uint32_t add(const net::SlabRef& slab) {
    const bool again = std::exchange(last_slab, slab.bytes()) == slab.bytes();
    const uint32_t more = again ? 0 : slab.capacity();
    bytes += more;
    return more;
  }
  // With one more slice they would outweigh `pending` bytes: copy instead. So a reader that never
  // comes back, and is sent a little of every read, costs what is pending for it and not a slab for
  // each message.
  bool outweigh(const net::SlabRef& slab, size_t pending) const {
    if (bytes <= kPinnedFree) return false;
    return bytes + (last_slab == slab.bytes() ? 0 : slab.capacity()) > 2 * pending;
  }
};

struct Chunk {
  Chunk* next;
  uint32_t capacity, used;
  uint32_t parts;  // of the queue that point into it
  uint8_t size_class;
  char* bytes() { return reinterpret_cast<char*>(this + 1); }
};

struct OutboundPart {
  const char* data;
  uint32_t size;
  // Bytes that its slab keeps from others; 0: counted with the slice before.
  uint32_t pins : 31;
  uint32_t framed : 1;  // see shared()
  Chunk* chunk;       // null for a slice
  net::SlabRef slab;  // of a slice
};

struct OutboundQueue {
  std::vector<OutboundPart> parts;
  size_t head = 0;  // parts before it are sent
  Chunk* open = nullptr;
  SlicePins pins;
  uint8_t size_class = 0;
};

// A reactor's stock of empty chunks and queues. Bounded; what is over goes to malloc.
class ChunkPool {
 public:
  ChunkPool() = default;
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  Chunk* take(size_t at_least, uint8_t size_class);
  void give(Chunk* chunk);
  std::unique_ptr<OutboundQueue> take_queue();
  void give_queue(std::unique_ptr<OutboundQueue> queue);

  static constexpr std::array<uint32_t, 3> kCapacity = {1024, 8 * 1024, 64 * 1024};
  static constexpr std::array<uint32_t, 3> kKept = {256, 64, 16};
  static constexpr uint8_t kOdd = 3;  // size class of a chunk made to measure
  static constexpr size_t kQueuesKept = 256;

 private:
  std::array<Chunk*, 3> kept_{};
  std::array<uint32_t, 3> count_{};
  std::vector<std::unique_ptr<OutboundQueue>> queues_;
};

class Outbound {
 public:
  Outbound() = default;
  Outbound(const Outbound&) = delete;
  ~Outbound();  // Requires: clear() was called, or nothing pending.

  size_t pending() const { return pending_; }
  bool empty() const { return pending_ == 0; }
  // `size` contiguous bytes at the end; commit() says how many were used. Nothing between the two.
  char* room(size_t size, ChunkPool& pool);
  void commit(size_t size);
  void append(std::string_view text, ChunkPool& pool);
  // Better copied than sliced: it is small, or the slabs that slices hold would outweigh what is
  // pending.
  bool better_copied(const net::SlabRef& slab, size_t size) const {
    return size <= kInlinePayloadMax ||
           (queue_ != nullptr && queue_->pins.outweigh(slab, pending_ + size));
  }
  // Shares `data`, which lies in `slab`.
  void slice(const net::SlabRef& slab, std::string_view data, ChunkPool& pool);
  // Frames that the stream's sharer() has made.
  void shared(const net::SharedFrames& frames, ChunkPool& pool);
  // Shows the stream what is pending. True if it took everything.
  bool flush(net::ByteStream& stream, ChunkPool& pool);
  void clear(ChunkPool& pool);

 private:
  void consume(size_t taken, ChunkPool& pool);
  OutboundQueue& queue(ChunkPool& pool);
  void add(const net::SlabRef& slab, std::string_view data, bool framed, ChunkPool& pool);

  std::unique_ptr<OutboundQueue> queue_;
  size_t pending_ = 0;
};

}  // namespace pipit
