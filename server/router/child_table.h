// Children: the named links below a node, or the named queue groups of a leaf.
//
// None is an empty slot, one is the link itself, from two on a hash table of buckets the size of a
// cache line: 32 bits of hash beside each link, so that a look-up touches a bucket and the child.
//
// C1  A slot's link is stored with release and loaded with acquire (T1). Its hash is only a hint
// and
//     relaxed: a reader that sees a hash without its link, or the other way round, compares the
//     child's name and finds it different, as for a child that is being added right now.
// C2  A bucket whose last hash is 0 was never full, so no search goes past it. A removed child
// leaves
//     its hash behind and an empty link: the slot can be used again, the search goes on.
// C3  A table is never so full that a search for a missing name must visit all of it, except when
// it
//     is a single bucket.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/router/trie_memory.h"
#include "server/router/trie_node.h"

namespace pipit::router {

struct ChildBucket {
  static constexpr uint32_t kSlots = 5;
  std::atomic<uint32_t> hashes[kSlots];
  LinkSlot links[kSlots];
};
static_assert(sizeof(ChildBucket) == 64);

struct ChildTable {
  uint32_t bucket_count;
  uint32_t live;  // children
  uint32_t used;  // slots whose hash is not 0
  uint32_t lead;  // bytes between the start of the block and here, for alignment

  ChildBucket* buckets() { return reinterpret_cast<ChildBucket*>(this + 1); }
  const ChildBucket* buckets() const { return reinterpret_cast<const ChildBucket*>(this + 1); }
  // Hashes in ascending order go to buckets in ascending order: growing walks memory forward.
  uint32_t home(uint32_t hash) const {
    return static_cast<uint32_t>((uint64_t{hash} * bucket_count) >> 32);
  }
};

// By what a child is found: a leaf in a node by the first token of its text, a queue group by all
// of it. Nodes go by their token.
enum class ChildName { kFirstToken, kWholeText };

template <ChildName kName>
inline bool has_name(Link child, std::string_view name) {
  if (child.is_node()) return child.node()->token() == name;
  const std::string_view text = child.leaf()->text();
  if constexpr (kName == ChildName::kWholeText) return text == name;
  return text.starts_with(name) && (text.size() == name.size() || text[name.size()] == '.');
}

// A reader takes the child and never looks at the slot again: it may belong to another child by
// then.
struct FoundChild {
  Link child;  // empty: none of that name
  const LinkSlot* slot = nullptr;
};

// [reader or writer]
template <ChildName kName>
inline FoundChild find_child(const LinkSlot& children, std::string_view name, uint32_t hash) {
  const Link link = children.load(std::memory_order_acquire);  // C1
  if (link.empty()) return {};
  if (!link.is_table())
    return has_name<kName>(link, name) ? FoundChild{link, &children} : FoundChild{};
  const ChildTable* table = link.table();
  uint32_t at = table->home(hash);
  for (uint32_t visited = 0; visited < table->bucket_count; ++visited) {
    const ChildBucket& bucket = table->buckets()[at];
    for (uint32_t i = 0; i < ChildBucket::kSlots; ++i) {
      if (bucket.hashes[i].load(std::memory_order_relaxed) != hash) continue;
      const Link child = bucket.links[i].load(std::memory_order_acquire);  // C1
      if (!child.empty() && has_name<kName>(child, name)) return {child, &bucket.links[i]};
    }
    if (bucket.hashes[ChildBucket::kSlots - 1].load(std::memory_order_relaxed) == 0) break;  // C2
    if (++at == table->bucket_count) at = 0;
  }
  return {};
}

// [writer] The slot itself, to store through; null if there is no child of that name.
template <ChildName kName>
inline LinkSlot* find_slot(LinkSlot& children, std::string_view name, uint32_t hash) {
  return const_cast<LinkSlot*>(find_child<kName>(children, name, hash).slot);
}

// Calls visit(Link) for every child.
template <typename Visit>
inline void for_each_child(const LinkSlot& children, Visit visit) {
  const Link link = children.load(std::memory_order_acquire);  // C1
  if (link.empty()) return;
  if (!link.is_table()) return visit(link);
  const ChildTable* table = link.table();
  for (uint32_t at = 0; at < table->bucket_count; ++at) {
    for (const LinkSlot& slot : table->buckets()[at].links) {
      const Link child = slot.load(std::memory_order_acquire);  // C1
      if (!child.empty()) visit(child);
    }
  }
}

// [writer] Requires: no child of that name is there.
template <ChildName kName>
void add_child(LinkSlot& children, Link child, uint32_t hash, uint64_t seed, TrieMemory& memory);
// [writer] `slot` is what find_slot gave. The child itself is the caller's to retire, afterwards.
void drop_child(LinkSlot& children, LinkSlot* slot, TrieMemory& memory);
// [writer] Frees the table, if there is one, that nobody else can reach; not the children.
void give_back_table(Link children, TrieMemory& memory);

}  // namespace pipit::router
