#include "server/router/match_builder.h"

#include <algorithm>

#include "server/router/child_table.h"

namespace pipit::router {
namespace {

void append(std::vector<SubRef>& refs, const Leaf& leaf) {
  if (!leaf.is_crowd) {
    refs.push_back(leaf.solo()->ref);
    return;
  }
  const RefSet* set = leaf.crowd()->plain.load(std::memory_order_acquire);  // R3
  if (set == nullptr) return;
  set->for_each_chunk([&](std::span<const SubRef> members) {
    refs.insert(refs.end(), members.begin(), members.end());
  });
}

// By reactor and otherwise as it was: one pass to count, one to place.
void sort_by_reactor(std::vector<SubRef>& refs) {
  const auto earlier = [](const SubRef& a, const SubRef& b) { return a.reactor < b.reactor; };
  if (std::is_sorted(refs.begin(), refs.end(), earlier)) return;
  const uint16_t highest = std::max_element(refs.begin(), refs.end(), earlier)->reactor;
  std::vector<size_t> next(size_t{highest} + 1);
  for (const SubRef& ref : refs) ++next[ref.reactor];
  size_t begin = 0;
  for (size_t& place : next) begin += std::exchange(place, begin);
  std::vector<SubRef> sorted(refs.size());
  for (const SubRef& ref : refs) sorted[next[ref.reactor]++] = ref;
  refs.swap(sorted);
}

void slice(const std::vector<SubRef>& refs, std::vector<ReactorSlice>& slices) {
  for (uint32_t begin = 0, size = static_cast<uint32_t>(refs.size()); begin < size;) {
    const uint16_t reactor = refs[begin].reactor;
    uint32_t end = begin + 1;
    while (end < size && refs[end].reactor == reactor) ++end;
    slices.push_back({reactor, begin, end});
    begin = end;
  }
}

using NamedGroup = std::pair<std::string_view, const Leaf*>;

// The groups of one name on all patterns that matched are one group.
void merge(std::vector<NamedGroup>& named, std::vector<QueueGroup>& groups) {
  std::sort(named.begin(), named.end(),
            [](const NamedGroup& a, const NamedGroup& b) { return a.first < b.first; });
  for (size_t begin = 0; begin < named.size();) {
    const std::string_view name = named[begin].first;
    std::vector<SubRef> members;
    for (; begin < named.size() && named[begin].first == name; ++begin)
      append(members, *named[begin].second);
    // A leaf is empty for a moment while its last member leaves.
    if (!members.empty()) groups.push_back({std::string(name), std::move(members)});
  }
}

}  // namespace

void MatchBuilder::fill(MatchResult& result) const {
  std::vector<NamedGroup> named;
  for_each_leaf([&](const Leaf& leaf) {
    append(result.plain, leaf);
    if (!leaf.is_crowd) return;
    for_each_child(leaf.crowd()->groups,
                   [&](Link child) { named.emplace_back(child.leaf()->text(), child.leaf()); });
  });
  sort_by_reactor(result.plain);
  slice(result.plain, result.slices);
  merge(named, result.groups);
}

}  // namespace pipit::router
