// PatternSet: subjects with and without wildcards, asked all at once whether one of them takes a
// subject. That costs no more than a walk along their tokens, however many there are.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pipit::js {

class PatternSet {
 public:
  PatternSet() : nodes_(1) {}
  // One that is no valid subject takes nothing.
  void add(std::string_view pattern);
  // Requires: no empty token.
  bool takes(std::string_view subject) const;

 private:
  // What patterns have in common up to a token; others are named by their place. 0: none.
  struct Node {
    std::map<std::string, uint32_t, std::less<>> tokens;
    uint32_t any = 0;                 // behind '*'
    bool ends = false, rest = false;  // a pattern ends here; one goes on with '>'
  };
  std::vector<Node> nodes_;  // the first is the root
};

}  // namespace pipit::js
