// TrieWriter: changes one trie, one call at a time (the SubjectTrie's mutex sees to that), while
// readers walk it. The invariants T1 to T5 of trie_node.h are kept here.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "server/router/sub_ref.h"
#include "server/router/token_path.h"
#include "server/router/trie_memory.h"
#include "server/router/trie_node.h"

namespace pipit::router {

class TrieWriter {
 public:
  TrieWriter(Epoch& epoch, uint64_t seed);
  ~TrieWriter();  // Requires: no reader.
  TrieWriter(const TrieWriter&) = delete;

  // Both require: `pattern` came from split_pattern with this trie's seed.
  void insert(const TokenPath& pattern, std::string_view queue, SubRef ref);
  // False if it was not there.
  bool remove(const TokenPath& pattern, std::string_view queue, SubRef ref);

  const Node* root() const { return root_; }          // [reader]
  uint64_t bytes() const { return memory_.bytes(); }  // [any thread]

 private:
  enum class Left { kNotThere, kOthersStay, kEmpty };
  // Where the next step of a pattern's way is, and the text a leaf hanging there has.
  struct Place {
    LinkSlot* slot;  // null: a literal that is not among the children
    std::string_view text;
    bool is_literal;
  };
  struct Step {
    Node* node;
    LinkSlot* slot;
    bool is_literal;
  };

  Place place_at(Node* node, const TokenPath& pattern, size_t i) const;

  void join(LinkSlot& slot, std::string_view queue, SubRef ref);
  Left leave(LinkSlot& slot, std::string_view queue, SubRef ref);
  void fork(const Place& place, const TokenPath& pattern, size_t i, std::string_view queue,
            SubRef ref);
  void hang(Node* node, std::string_view rest, Leaf* leaf);
  void clear(Node* node, LinkSlot* slot, bool is_literal);

  Node* make_node(std::string_view token);
  Leaf* make_solo(std::string_view text, SubRef ref);
  CrowdLeaf* make_crowd(std::string_view text);
  Leaf* make_leaf(std::string_view text, std::string_view queue, SubRef ref);
  Leaf* copy_leaf(const Leaf* leaf, std::string_view text);
  void retire_leaf(Leaf* leaf);

  const uint64_t seed_;
  TrieMemory memory_;
  Node* root_;
  std::vector<Step> steps_;  // of one removal; kept for its memory
};

}  // namespace pipit::router
