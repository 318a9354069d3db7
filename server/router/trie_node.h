// The parts a subject trie is made of, as readers and the writer see them.
//
//   Link        a tagged word: nothing, a Node, a Leaf or a ChildTable.
//   Node        what follows after some tokens: literal children, one child for '*', and the leaves
//               of patterns that end here or go on with a final '>'.
//   Leaf        one pattern and who subscribed to it. Its text is what is left of the pattern at
//   the
//               place where it hangs: a pattern alone in its branch needs no nodes below the fork.
//               Within a crowded leaf the queue groups hang as leaves named by the group.
//   ChildTable  the children of a node (or the groups of a leaf) from two on; see child_table.h.
//
// Invariants, for all files of the trie (one writer at a time, readers inside an epoch):
//
// T1  A block is complete before a link to it is stored with release; readers load links with
//     acquire. So what a link names can be read without further ado.
// T2  What is not an atomic in a block does not change after T1. (`live` and `used` of a table and
//     `size` of a RefSet are the writer's own; readers leave them alone.)
// T3  A block is retired only after the last link to it was overwritten; the epoch keeps it until
//     every reader that might hold it has let go. Links inside a retired block stay as they are:
//     who still reads them was there before, so what they lead to, retired later, waits for it too.
// T4  A child stays in its slot of a table as long as the table lives. Growth makes another table.
// T5  Replacing a leaf by a node, or a node's only way to a leaf, is one store. At every moment
// every
//     other pattern of the trie can be reached.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "server/router/ref_set.h"
#include "server/router/sub_ref.h"

namespace pipit::router {

struct Node;
struct Leaf;
struct ChildTable;

class Link {
 public:
  Link() = default;
  explicit Link(const Node* node) : bits_(reinterpret_cast<uintptr_t>(node)) {}
  explicit Link(const Leaf* leaf) : bits_(reinterpret_cast<uintptr_t>(leaf) | kLeaf) {}
  explicit Link(const ChildTable* table) : bits_(reinterpret_cast<uintptr_t>(table) | kTable) {}

  bool empty() const { return bits_ == 0; }
  bool is_node() const { return bits_ != 0 && (bits_ & kTags) == 0; }
  bool is_leaf() const { return (bits_ & kLeaf) != 0; }
  bool is_table() const { return (bits_ & kTable) != 0; }
  Node* node() const { return reinterpret_cast<Node*>(bits_); }
  Leaf* leaf() const { return reinterpret_cast<Leaf*>(bits_ & ~kTags); }
  ChildTable* table() const { return reinterpret_cast<ChildTable*>(bits_ & ~kTags); }

 private:
  static constexpr uintptr_t kLeaf = 1, kTable = 2, kTags = 3;
  uintptr_t bits_ = 0;
};

using LinkSlot = std::atomic<Link>;
static_assert(LinkSlot::is_always_lock_free);

struct Node {
  LinkSlot literals;  // Node, Leaf or ChildTable: what begins with a literal token
  LinkSlot pwc;       // Node or Leaf: what comes after '*'
  LinkSlot here;      // Leaf: patterns that end here
  LinkSlot fwc;       // Leaf: patterns whose last token is a '>' here
  uint32_t token_size;

  // The literal token that leads here; empty after '*' and at the root.
  std::string_view token() const { return {reinterpret_cast<const char*>(this + 1), token_size}; }
};

struct SoloLeaf;
struct CrowdLeaf;
inline constexpr uint32_t kTextSizeMask = (uint32_t{1} << 31) - 1;

struct Leaf {
  uint32_t text_size : 31;
  uint32_t is_crowd : 1;

  inline std::string_view text() const;
  inline SoloLeaf* solo();
  inline const SoloLeaf* solo() const;
  inline CrowdLeaf* crowd();
  inline const CrowdLeaf* crowd() const;
};

// One plain subscription, by far the most common leaf.
struct SoloLeaf : Leaf {
  SubRef ref;
};

struct CrowdLeaf : Leaf {
  RefSetLink plain;
  LinkSlot groups;  // Leaf or ChildTable: one leaf per queue group, its text the group's name
};

inline SoloLeaf* Leaf::solo() { return static_cast<SoloLeaf*>(this); }
inline const SoloLeaf* Leaf::solo() const { return static_cast<const SoloLeaf*>(this); }
inline CrowdLeaf* Leaf::crowd() { return static_cast<CrowdLeaf*>(this); }
inline const CrowdLeaf* Leaf::crowd() const { return static_cast<const CrowdLeaf*>(this); }
inline std::string_view Leaf::text() const {
  const size_t head = is_crowd ? sizeof(CrowdLeaf) : sizeof(SoloLeaf);
  return {reinterpret_cast<const char*>(this) + head, text_size};
}

// The text up to its first dot, and what comes after that dot.
inline std::string_view first_token(std::string_view text) {
  return text.substr(0, text.find('.'));
}
inline std::string_view after_first_token(std::string_view text) {
  const size_t dot = text.find('.');
  return dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
}

}  // namespace pipit::router
