#include "server/router/child_table.h"

#include <algorithm>

#include "server/router/token_path.h"

namespace pipit::router {
namespace {

constexpr size_t kCacheLine = 64;
// From this size on buckets begin on cache lines; below, the bytes lost would weigh more.
constexpr uint32_t kAlignedFrom = 4;

size_t block_bytes(uint32_t bucket_count) {
  const size_t bytes = sizeof(ChildTable) + bucket_count * sizeof(ChildBucket);
  return bucket_count < kAlignedFrom ? bytes : bytes + kCacheLine;
}

ChildTable* make_table(uint32_t bucket_count, TrieMemory& memory) {
  char* block = static_cast<char*>(memory.take(block_bytes(bucket_count)));
  uint32_t lead = 0;
  if (bucket_count >= kAlignedFrom) {
    const uintptr_t first = reinterpret_cast<uintptr_t>(block) + sizeof(ChildTable);
    lead = static_cast<uint32_t>((kCacheLine - first % kCacheLine) % kCacheLine);
  }
  auto* table = new (block + lead) ChildTable{bucket_count, 0, 0, lead};
  for (uint32_t i = 0; i < bucket_count; ++i) new (table->buckets() + i) ChildBucket{};
  return table;
}

void retire_table(ChildTable* table, TrieMemory& memory) {
  memory.retire(reinterpret_cast<char*>(table) - table->lead, block_bytes(table->bucket_count));
}

// Into the first free slot on the way from its home. Requires: there is one (C3).
void place(ChildTable* table, Link child, uint32_t hash) {
  for (uint32_t at = table->home(hash);;) {
    ChildBucket& bucket = table->buckets()[at];
    for (uint32_t i = 0; i < ChildBucket::kSlots; ++i) {
      if (!bucket.links[i].load(std::memory_order_relaxed).empty()) continue;
      if (bucket.hashes[i].load(std::memory_order_relaxed) == 0) ++table->used;
      ++table->live;
      bucket.hashes[i].store(hash, std::memory_order_relaxed);
      bucket.links[i].store(child, std::memory_order_release);  // C1
      return;
    }
    if (++at == table->bucket_count) at = 0;
  }
}

uint32_t slots_of(uint32_t bucket_count) { return bucket_count * ChildBucket::kSlots; }

bool is_full(const ChildTable* table) {
  const uint32_t slots = slots_of(table->bucket_count);
  return table->used >= (table->bucket_count == 1 ? slots : slots - slots / 8);  // C3
}

// Buckets for `live` children with room for about half as many again.
uint32_t roomy(uint32_t live) {
  const uint64_t slots = uint64_t{live} + live / 2 + live / 5 + 1;
  return static_cast<uint32_t>((slots + ChildBucket::kSlots - 1) / ChildBucket::kSlots);
}

void rebuild(LinkSlot& children, uint32_t bucket_count, TrieMemory& memory) {
  ChildTable* old = children.load(std::memory_order_relaxed).table();
  ChildTable* table = make_table(bucket_count, memory);
  for (uint32_t at = 0; at < old->bucket_count; ++at) {
    ChildBucket& bucket = old->buckets()[at];
    for (uint32_t i = 0; i < ChildBucket::kSlots; ++i) {
      const Link child = bucket.links[i].load(std::memory_order_relaxed);
      if (!child.empty()) place(table, child, bucket.hashes[i].load(std::memory_order_relaxed));
    }
  }
  children.store(Link(table), std::memory_order_release);  // C1
  retire_table(old, memory);
}

std::string_view name_of(ChildName kind, Link child) {
  if (child.is_node()) return child.node()->token();
  const std::string_view text = child.leaf()->text();
  return kind == ChildName::kWholeText ? text : first_token(text);
}

}  // namespace

template <ChildName kName>
void add_child(LinkSlot& children, Link child, uint32_t hash, uint64_t seed, TrieMemory& memory) {
  const Link link = children.load(std::memory_order_relaxed);
  if (link.empty()) {
    children.store(child, std::memory_order_release);  // C1
    return;
  }
  if (!link.is_table()) {
    ChildTable* table = make_table(1, memory);
    place(table, link, hash_token(name_of(kName, link), seed));
    place(table, child, hash);
    children.store(Link(table), std::memory_order_release);  // C1
    return;
  }
  ChildTable* table = link.table();
  if (is_full(table)) {
    rebuild(children, roomy(table->live + 1), memory);
    table = children.load(std::memory_order_relaxed).table();
  }
  place(table, child, hash);
}

template void add_child<ChildName::kFirstToken>(LinkSlot&, Link, uint32_t, uint64_t, TrieMemory&);
template void add_child<ChildName::kWholeText>(LinkSlot&, Link, uint32_t, uint64_t, TrieMemory&);

void drop_child(LinkSlot& children, LinkSlot* slot, TrieMemory& memory) {
  slot->store(Link(), std::memory_order_release);  // C1, C2
  if (slot == &children) return;
  ChildTable* table = children.load(std::memory_order_relaxed).table();
  --table->live;
  // A table with one child left stays: its node is likely to breathe between one and two.
  if (table->live == 0) {
    children.store(Link(), std::memory_order_release);  // C1
    retire_table(table, memory);
  } else if (table->bucket_count > 1 && table->live < slots_of(table->bucket_count) / 4) {
    rebuild(children, roomy(table->live), memory);
  }
}

void give_back_table(Link children, TrieMemory& memory) {
  if (!children.is_table()) return;
  ChildTable* table = children.table();
  memory.give_back(reinterpret_cast<char*>(table) - table->lead, block_bytes(table->bucket_count));
}

}  // namespace pipit::router
