// InterestList: the oracle of the trie's tests and of its fuzz target. A list of subscriptions and
// a loop over all of them; it shares no code with what it checks.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "server/router/match_result.h"

namespace pipit::router {

class InterestList {
 public:
  struct Subscription {
    std::string pattern, queue;
    SubRef ref;
    friend bool operator==(const Subscription&, const Subscription&) = default;
  };

  static std::vector<std::string> split(std::string_view subject) {
    std::vector<std::string> tokens(1);
    for (const char c : subject) {
      if (c == '.')
        tokens.emplace_back();
      else
        tokens.back().push_back(c);
    }
    return tokens;
  }

  static bool is_valid(std::string_view pattern) {
    const std::vector<std::string> tokens = split(pattern);
    for (size_t i = 0; i < tokens.size(); ++i)
      if (tokens[i].empty() || (tokens[i] == ">" && i + 1 < tokens.size())) return false;
    return true;
  }

  static bool matches(std::string_view pattern, std::string_view subject) {
    return matches(split(pattern), split(subject));
  }

  static bool matches(const std::vector<std::string>& want, const std::vector<std::string>& have) {
    if (std::find(have.begin(), have.end(), "") != have.end()) return false;
    for (size_t i = 0; i < want.size(); ++i) {
      if (i == have.size()) return false;
      if (want[i] == ">") return true;
      if (want[i] != "*" && want[i] != have[i]) return false;
    }
    return want.size() == have.size();
  }

  bool insert(std::string_view pattern, std::string_view queue, SubRef ref) {
    if (!is_valid(pattern)) return false;
    list_.push_back({std::string(pattern), std::string(queue), ref});
    patterns_.push_back(split(pattern));
    return true;
  }

  bool remove(std::string_view pattern, std::string_view queue, SubRef ref) {
    const Subscription wanted{std::string(pattern), std::string(queue), ref};
    const auto found = std::find(list_.begin(), list_.end(), wanted);
    if (found == list_.end()) return false;
    patterns_.erase(patterns_.begin() + (found - list_.begin()));
    list_.erase(found);
    return true;
  }

  // Is `result` (null: nobody) what the list says about `subject`, and is it well formed?
  bool agrees(std::string_view subject, const MatchResult* result) const {
    std::vector<SubRef> plain;
    std::map<std::string, std::vector<SubRef>> groups;
    const std::vector<std::string> tokens = split(subject);
    for (size_t i = 0; i < list_.size(); ++i) {
      const Subscription& sub = list_[i];
      if (!matches(patterns_[i], tokens)) continue;
      (sub.queue.empty() ? plain : groups[sub.queue]).push_back(sub.ref);
    }
    if (result == nullptr) return plain.empty() && groups.empty();

    if (sorted(plain) != sorted(result->plain) || !slices_cover(*result)) return false;
    if (groups.size() != result->groups.size()) return false;
    for (const QueueGroup& group : result->groups) {
      const auto expected = groups.find(group.name);
      if (expected == groups.end() || sorted(expected->second) != sorted(group.members))
        return false;
      groups.erase(expected);  // a name must not come twice
    }
    return groups.empty();
  }

  const std::vector<Subscription>& all() const { return list_; }

 private:
  static std::vector<SubRef> sorted(std::vector<SubRef> refs) {
    const auto key = [](const SubRef& r) {
      return std::tuple(r.reactor, r.connection, r.sub, r.generation);
    };
    std::sort(refs.begin(), refs.end(),
              [&](const SubRef& a, const SubRef& b) { return key(a) < key(b); });
    return refs;
  }

  // One slice per reactor, ascending, and together all of `plain`.
  static bool slices_cover(const MatchResult& result) {
    uint32_t end = 0;
    int last_reactor = -1;
    for (const ReactorSlice& slice : result.slices) {
      if (slice.begin != end || slice.end <= slice.begin || slice.end > result.plain.size())
        return false;
      if (slice.reactor <= last_reactor) return false;
      for (const SubRef& ref : result.plain_on(slice))
        if (ref.reactor != slice.reactor) return false;
      end = slice.end;
      last_reactor = slice.reactor;
    }
    return end == result.plain.size();
  }

  std::vector<Subscription> list_;
  std::vector<std::vector<std::string>> patterns_;  // of list_, split
};

}  // namespace pipit::router
