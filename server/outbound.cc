#include "server/outbound.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace pipit {

ChunkPool::~ChunkPool() {
  for (Chunk* chunk : kept_)
    while (chunk != nullptr) std::free(std::exchange(chunk, chunk->next));
}

Chunk* ChunkPool::take(size_t at_least, uint8_t size_class) {
  while (size_class < kOdd && kCapacity[size_class] < at_least) ++size_class;
  if (size_class < kOdd && kept_[size_class] != nullptr) {
    Chunk* chunk = std::exchange(kept_[size_class], kept_[size_class]->next);
    --count_[size_class];
    chunk->used = chunk->parts = 0;
    return chunk;
  }
  const size_t capacity = size_class < kOdd ? kCapacity[size_class] : at_least;
  void* memory = std::malloc(sizeof(Chunk) + capacity);
  if (memory == nullptr) std::abort();
  return new (memory) Chunk{nullptr, static_cast<uint32_t>(capacity), 0, 0, size_class};
}

void ChunkPool::give(Chunk* chunk) {
  const uint8_t c = chunk->size_class;
  if (c < kOdd && count_[c] < kKept[c]) {
    chunk->next = std::exchange(kept_[c], chunk);
    ++count_[c];
  } else {
    std::free(chunk);
  }
}

std::unique_ptr<OutboundQueue> ChunkPool::take_queue() {
  if (queues_.empty()) return std::make_unique<OutboundQueue>();
  std::unique_ptr<OutboundQueue> queue = std::move(queues_.back());
  queues_.pop_back();
  return queue;
}

void ChunkPool::give_queue(std::unique_ptr<OutboundQueue> queue) {
  queue->parts.clear();
  queue->head = 0;
  queue->open = nullptr;
  queue->pins = {};
  queue->size_class = 0;
  // A queue that once was very long does not come back: its vector would stay.
  if (queues_.size() < kQueuesKept && queue->parts.capacity() <= 4096)
    queues_.push_back(std::move(queue));
}

Outbound::~Outbound() {
  if (queue_ == nullptr) return;
  ChunkPool last;
  clear(last);
}

OutboundQueue& Outbound::queue(ChunkPool& pool) {
  if (queue_ == nullptr) queue_ = pool.take_queue();
  return *queue_;
}

char* Outbound::room(size_t size, ChunkPool& pool) {
  OutboundQueue& q = queue(pool);
  if (q.open == nullptr || q.open->capacity - q.open->used < size) {
    if (q.open != nullptr) {
      // The full chunk stays until its parts are sent; one that no part uses any more goes now.
      if (q.open->parts == 0) pool.give(q.open);
      if (q.size_class + 1U < ChunkPool::kCapacity.size()) ++q.size_class;
    }
    q.open = pool.take(size, q.size_class);
  }
  return q.open->bytes() + q.open->used;
}

void Outbound::commit(size_t size) {
  OutboundQueue& q = *queue_;
  char* begin = q.open->bytes() + q.open->used;
  q.open->used += static_cast<uint32_t>(size);
  pending_ += size;
  if (q.parts.size() > q.head && q.parts.back().chunk == q.open &&
      q.parts.back().data + q.parts.back().size == begin) {
    q.parts.back().size += static_cast<uint32_t>(size);
    return;
  }
  q.parts.push_back({begin, static_cast<uint32_t>(size), 0, 0, q.open, {}});
  ++q.open->parts;
}

void Outbound::append(std::string_view text, ChunkPool& pool) {
  if (text.empty()) return;
  std::memcpy(room(text.size(), pool), text.data(), text.size());
  commit(text.size());
}

void Outbound::slice(const net::SlabRef& slab, std::string_view data, ChunkPool& pool) {
  add(slab, data, false, pool);
}

void Outbound::shared(const net::SharedFrames& frames, ChunkPool& pool) {
  add(frames.slab, frames.bytes, true, pool);
}

void Outbound::add(const net::SlabRef& slab, std::string_view data, bool framed, ChunkPool& pool) {
  if (data.empty()) return;
  OutboundQueue& q = queue(pool);
  q.parts.push_back({data.data(), static_cast<uint32_t>(data.size()), q.pins.add(slab), framed,
                     nullptr, slab.share()});
  pending_ += data.size();
}

bool Outbound::flush(net::ByteStream& stream, ChunkPool& pool) {
  constexpr size_t kMaxParts = 1024;  // IOV_MAX
  while (pending_ > 0) {
    std::array<iovec, kMaxParts> vec;
    OutboundQueue& q = *queue_;
    const size_t count = std::min(q.parts.size() - q.head, kMaxParts);
    size_t sum = 0;
    const OutboundPart* framed = nullptr;  // goes out with what is in front of it
    size_t text = 0;
    while (text < count && framed == nullptr) {
      const OutboundPart& part = q.parts[q.head + text];
      sum += part.size;
      if (part.framed) {
        framed = &part;
      } else {
        vec[text++] = {const_cast<char*>(part.data), part.size};
      }
    }
    const std::span<const iovec> parts(vec.data(), text);
    const size_t taken = framed == nullptr ? stream.write(parts)
                                           : stream.sharer()->write_shared(
                                                 parts, {framed->data, framed->size});
    consume(taken, pool);
    if (taken < sum) return false;
  }
  return true;
}

void Outbound::consume(size_t taken, ChunkPool& pool) {
  OutboundQueue& q = *queue_;
  pending_ -= taken;
  while (taken > 0) {
    OutboundPart& part = q.parts[q.head];
    if (taken < part.size) {
      part.data += taken;
      part.size -= static_cast<uint32_t>(taken);
      break;
    }
    taken -= part.size;
    if (part.chunk != nullptr) {
      if (--part.chunk->parts == 0 && part.chunk != q.open) pool.give(part.chunk);
    } else {
      part.slab.reset();
      q.pins.bytes -= part.pins;
    }
    ++q.head;
  }
  if (pending_ == 0) {
    clear(pool);
  } else if (q.head > 1024 && q.head * 2 > q.parts.size()) {
    q.parts.erase(q.parts.begin(), q.parts.begin() + static_cast<std::ptrdiff_t>(q.head));
    q.head = 0;
  }
}

void Outbound::clear(ChunkPool& pool) {
  pending_ = 0;
  if (queue_ == nullptr) return;
  OutboundQueue& q = *queue_;
  for (size_t i = q.head; i < q.parts.size(); ++i) {
    Chunk* chunk = q.parts[i].chunk;
    if (chunk != nullptr && --chunk->parts == 0 && chunk != q.open) pool.give(chunk);
  }
  if (q.open != nullptr) pool.give(q.open);
  pool.give_queue(std::move(queue_));
}

}  // namespace pipit
