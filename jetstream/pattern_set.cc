#include "jetstream/pattern_set.h"

#include <algorithm>

#include "protocol/subject.h"

namespace pipit::js {

void PatternSet::add(std::string_view pattern) {
  proto::Tokens tokens;
  if (!proto::is_valid_subject(pattern) || !tokens.split(pattern)) return;
  uint32_t at = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == ">") {
      nodes_[at].rest = true;
      return;
    }
    uint32_t& next = tokens[i] == "*" ? nodes_[at].any : nodes_[at].tokens[std::string(tokens[i])];
    if (next == 0) {
      next = static_cast<uint32_t>(nodes_.size());
      at = next;
      nodes_.emplace_back();
    } else {
      at = next;
    }
  }
  nodes_[at].ends = true;
}

bool PatternSet::takes(std::string_view subject) const {
  std::vector<uint32_t> here{0}, next;
  for (;;) {
    const size_t dot = subject.find('.');
    const std::string_view token = subject.substr(0, dot);
    next.clear();
    for (const uint32_t at : here) {
      const Node& node = nodes_[at];
      if (node.rest) return true;
      if (const auto found = node.tokens.find(token); found != node.tokens.end())
        next.push_back(found->second);
      if (node.any != 0) next.push_back(node.any);
    }
    here.swap(next);
    if (here.empty()) return false;
    if (dot == std::string_view::npos)
      return std::any_of(here.begin(), here.end(), [&](uint32_t at) { return nodes_[at].ends; });
    subject.remove_prefix(dot + 1);
  }
}

}  // namespace pipit::js
