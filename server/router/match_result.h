// MatchResult: everybody interested in one literal subject, at one moment, grouped by reactor.
//
// Immutable once built. Counted: the cache that made it holds one reference, every message that
// crosses to another reactor holds one more until it is delivered there.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "server/router/sub_ref.h"

namespace pipit::router {

struct QueueGroup {
  std::string name;
  std::vector<SubRef> members;  // over all reactors and all patterns: one group by name
};

struct ReactorSlice {
  uint16_t reactor;
  uint32_t begin, end;  // into MatchResult::plain
};

struct MatchResult {
  std::vector<SubRef> plain;         // sorted by reactor
  std::vector<ReactorSlice> slices;  // one per reactor that has plain members, ascending
  std::vector<QueueGroup> groups;    // one per queue name
  mutable std::atomic<uint32_t> refs{1};

  bool empty() const { return plain.empty() && groups.empty(); }
  std::span<const SubRef> plain_on(const ReactorSlice& s) const {
    return {plain.data() + s.begin, plain.data() + s.end};
  }
};

// One reference to a MatchResult.
class MatchRef {
 public:
  MatchRef() = default;
  explicit MatchRef(const MatchResult* adopted) : result_(adopted) {}
  MatchRef(MatchRef&& other) noexcept : result_(std::exchange(other.result_, nullptr)) {}
  MatchRef& operator=(MatchRef&& other) noexcept {
    if (this != &other) {
      reset();
      result_ = std::exchange(other.result_, nullptr);
    }
    return *this;
  }
  ~MatchRef() { reset(); }
  static MatchRef share(const MatchResult* result) {
    result->refs.fetch_add(1, std::memory_order_relaxed);
    return MatchRef(result);
  }
  void reset() {
    // acq_rel: the last release must see every other holder's reads finished before it frees.
    if (result_ != nullptr && result_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      delete result_;
    result_ = nullptr;
  }
  const MatchResult* operator->() const { return result_; }
  const MatchResult& operator*() const { return *result_; }
  explicit operator bool() const { return result_ != nullptr; }

 private:
  const MatchResult* result_ = nullptr;
};

}  // namespace pipit::router
