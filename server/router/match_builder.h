// MatchBuilder: gathers the leaves that a walk finds into one MatchResult. On a reader's stack.
//
// The names it holds are in the trie: it must not outlive the reader's stay in the epoch.
#pragma once
#include <string_view>
#include <utility>
#include <vector>

#include "server/router/match_result.h"
#include "server/router/trie_node.h"

namespace pipit::router {

class MatchBuilder {
 public:
  void add(const Leaf& leaf);
  // Null if nobody was added.
  MatchRef finish();

 private:
  void merge_groups();

  MatchResult* result_ = nullptr;  // null until a leaf is added
  MatchRef owner_;
  std::vector<std::pair<std::string_view, const Leaf*>> groups_;
};

}  // namespace pipit::router
