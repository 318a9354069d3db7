#include "server/router/ref_set.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <new>

namespace pipit::router {
namespace {

// Members per chunk on average at which the set gets twice, or half, as many chunks. The gap keeps
// a set that breathes around one size from being rebuilt each time.
constexpr uint32_t kSplitAbove = 32;
constexpr uint32_t kMergeBelow = 8;

size_t chunk_bytes(uint32_t capacity) { return sizeof(RefChunk) + capacity * sizeof(SubRef); }
size_t set_bytes(uint32_t chunk_count) {
  return sizeof(RefSet) + chunk_count * sizeof(RefSet::ChunkLink);
}

uint32_t chunk_of(SubRef ref, uint32_t chunk_count) {
  const uint64_t place = (uint64_t{ref.connection} << 32) | ref.sub;
  const uint64_t tag = (uint64_t{ref.reactor} << 32) | ref.generation;
  const uint64_t mixed = (place ^ (tag * 0x9E3779B97F4A7C15u)) * 0xD6E8FEB86659FD93u;
  return static_cast<uint32_t>(mixed >> 40) & (chunk_count - 1);
}

RefChunk* make_chunk(uint32_t capacity, TrieMemory& memory) {
  return new (memory.take(chunk_bytes(capacity))) RefChunk{0, capacity};
}

RefSet* make_set(uint32_t chunk_count, TrieMemory& memory) {
  auto* set = new (memory.take(set_bytes(chunk_count))) RefSet{chunk_count, 0};
  for (uint32_t i = 0; i < chunk_count; ++i) new (set->links() + i) RefSet::ChunkLink(nullptr);
  return set;
}

// Appends without growing. Requires: room.
void append(RefChunk* chunk, SubRef ref) {
  const uint32_t count = chunk->count.load(std::memory_order_relaxed);
  new (chunk->refs() + count) SubRef(ref);
  chunk->count.store(count + 1, std::memory_order_release);  // R2
}

void add_to_set(RefSet* set, SubRef ref, TrieMemory& memory) {
  RefSet::ChunkLink& link = set->links()[chunk_of(ref, set->chunk_count)];
  RefChunk* chunk = link.load(std::memory_order_relaxed);
  ++set->size;
  if (chunk != nullptr && chunk->count.load(std::memory_order_relaxed) < chunk->capacity) {
    append(chunk, ref);
    return;
  }
  RefChunk* larger = make_chunk(chunk == nullptr ? 2 : chunk->capacity * 2, memory);
  if (chunk != nullptr)
    for (const SubRef& member : chunk->published()) append(larger, member);
  append(larger, ref);
  link.store(larger, std::memory_order_release);  // R3
  if (chunk != nullptr) memory.retire(chunk, chunk_bytes(chunk->capacity));
}

// The same members in another number of chunks.
void rebuild(RefSetLink& link, uint32_t chunk_count, TrieMemory& memory) {
  RefSet* old = link.load(std::memory_order_relaxed);
  RefSet* set = make_set(chunk_count, memory);
  old->for_each_chunk([&](std::span<const SubRef> members) {
    for (const SubRef& member : members) {
      // Chunks on the way to their size have not been seen by anybody: they go straight back.
      RefSet::ChunkLink& place = set->links()[chunk_of(member, chunk_count)];
      RefChunk* chunk = place.load(std::memory_order_relaxed);
      if (chunk == nullptr || chunk->count.load(std::memory_order_relaxed) == chunk->capacity) {
        RefChunk* larger = make_chunk(chunk == nullptr ? kSplitAbove : chunk->capacity * 2, memory);
        if (chunk != nullptr) {
          for (const SubRef& moved : chunk->published()) append(larger, moved);
          memory.give_back(chunk, chunk_bytes(chunk->capacity));
        }
        place.store(larger, std::memory_order_relaxed);
        chunk = larger;
      }
      append(chunk, member);
    }
  });
  set->size = old->size;
  link.store(set, std::memory_order_release);  // R3
  dispose(old, true, memory);
}

}  // namespace

void add_ref(RefSetLink& link, SubRef ref, TrieMemory& memory) {
  RefSet* set = link.load(std::memory_order_relaxed);
  if (set == nullptr) {
    set = make_set(1, memory);
    add_to_set(set, ref, memory);
    link.store(set, std::memory_order_release);  // R3
    return;
  }
  add_to_set(set, ref, memory);
  if (set->size > kSplitAbove * set->chunk_count) rebuild(link, set->chunk_count * 2, memory);
}

bool remove_ref(RefSetLink& link, SubRef ref, TrieMemory& memory) {
  RefSet* set = link.load(std::memory_order_relaxed);
  if (set == nullptr) return false;
  RefSet::ChunkLink& place = set->links()[chunk_of(ref, set->chunk_count)];
  RefChunk* chunk = place.load(std::memory_order_relaxed);
  if (chunk == nullptr) return false;
  const std::span<const SubRef> members = chunk->published();
  const auto found = std::find(members.begin(), members.end(), ref);
  if (found == members.end()) return false;

  if (set->size == 1) {
    link.store(nullptr, std::memory_order_release);  // R3
    dispose(set, true, memory);
    return true;
  }
  RefChunk* rest = nullptr;
  if (members.size() > 1) {
    rest = make_chunk(std::bit_ceil(static_cast<uint32_t>(members.size() - 1)), memory);
    for (auto it = members.begin(); it != members.end(); ++it)
      if (it != found) append(rest, *it);
  }
  place.store(rest, std::memory_order_release);  // R1, R3
  memory.retire(chunk, chunk_bytes(chunk->capacity));
  --set->size;
  if (set->chunk_count > 1 && set->size < kMergeBelow * set->chunk_count)
    rebuild(link, set->chunk_count / 2, memory);
  return true;
}

void dispose(RefSet* set, bool seen, TrieMemory& memory) {
  const auto free = [&](void* block, size_t size) {
    seen ? memory.retire(block, size) : memory.give_back(block, size);
  };
  for (uint32_t i = 0; i < set->chunk_count; ++i) {
    RefChunk* chunk = set->links()[i].load(std::memory_order_relaxed);
    if (chunk != nullptr) free(chunk, chunk_bytes(chunk->capacity));
  }
  free(set, set_bytes(set->chunk_count));
}

}  // namespace pipit::router
