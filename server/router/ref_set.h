// RefSet: the subscriptions on one pattern (or in one queue group of it), from one to millions.
//
// A hash set of small chunks: a SubRef lives in the chunk that its hash names. Adding appends to
// that chunk, removing copies it without the one; neither depends on how many there are in all.
// One writer at a time; readers walk all chunks without waiting.
//
// R1  A chunk's refs below its published count never change; a removal replaces the chunk.
// R2  The count is stored with release after the ref is written; readers load it with acquire.
// R3  Links to chunks and sets are stored with release and loaded with acquire; what they replaced
//     is retired after the store.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>

#include "server/router/sub_ref.h"
#include "server/router/trie_memory.h"

namespace pipit::router {

struct RefChunk {
  std::atomic<uint32_t> count;
  uint32_t capacity;

  SubRef* refs() { return reinterpret_cast<SubRef*>(this + 1); }
  const SubRef* refs() const { return reinterpret_cast<const SubRef*>(this + 1); }
  std::span<const SubRef> published() const {
    return {refs(), count.load(std::memory_order_acquire)};  // R2
  }
};

struct RefSet {
  using ChunkLink = std::atomic<RefChunk*>;

  uint32_t chunk_count;  // a power of two
  uint32_t size;         // the writer's

  ChunkLink* links() { return reinterpret_cast<ChunkLink*>(this + 1); }
  const ChunkLink* links() const { return reinterpret_cast<const ChunkLink*>(this + 1); }

  // Calls visit(std::span<const SubRef>) for every chunk.
  template <typename Visit>
  void for_each_chunk(Visit visit) const {
    for (uint32_t i = 0; i < chunk_count; ++i) {
      const RefChunk* chunk = links()[i].load(std::memory_order_acquire);  // R3
      if (chunk != nullptr) visit(chunk->published());
    }
  }
};

using RefSetLink = std::atomic<RefSet*>;

// Writer only. A null link is the empty set, and an emptied set becomes one. The same ref added
// twice is in there twice.
void add_ref(RefSetLink& set, SubRef ref, TrieMemory& memory);
bool remove_ref(RefSetLink& set, SubRef ref, TrieMemory& memory);
// Frees a set nobody else can reach: at once if `seen` is false, else when readers are through.
void dispose(RefSet* set, bool seen, TrieMemory& memory);

}  // namespace pipit::router
