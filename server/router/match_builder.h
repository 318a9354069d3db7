// MatchBuilder: notes the leaves that a walk finds and makes one MatchResult of them. On a reader's
// stack, and not after the reader's stay in the epoch: the leaves are in the trie.
#pragma once
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "server/router/match_result.h"
#include "server/router/trie_node.h"

namespace pipit::router {

class MatchBuilder {
 public:
  void add(const Leaf* leaf) {
    if (size_ < first_.size())
      first_[size_++] = leaf;
    else
      more_.push_back(leaf);
  }
  bool empty() const { return size_ == 0; }
  // Requires: `result` is empty; what its vectors can hold is used again.
  void fill(MatchResult& result) const;

 private:
  template <typename Visit>
  void for_each_leaf(Visit visit) const {
    for (size_t i = 0; i < size_; ++i) visit(*first_[i]);
    for (const Leaf* leaf : more_) visit(*leaf);
  }

  std::array<const Leaf*, 8> first_;
  size_t size_ = 0;
  std::vector<const Leaf*> more_;
};

}  // namespace pipit::router
