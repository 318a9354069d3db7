// MatchCache: one reactor's memory of recent matches in one account. No other thread touches it.
//
// Bounded: at most `capacity` entries and about 1 KiB of subjects and results for each on average;
// a new one evicts within its set, too many bytes evict elsewhere. An entry whose stamp no longer
// holds is walked again; a subject nobody wants is remembered too (the empty result).
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>

#include "server/router/subject_trie.h"

namespace pipit::router {

struct CacheStats {
  uint64_t lookups = 0, hits = 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of the entries: subjects and results
};

class MatchCache {
 public:
  // Memory comes as entries come; an unused cache costs next to nothing.
  explicit MatchCache(const SubjectTrie& trie, uint32_t capacity = 64 * 1024);
  ~MatchCache();
  MatchCache(const MatchCache&) = delete;

  // [its reactor, online in the epoch] Never null; the empty result if nobody is interested. Valid
  // until the next call; MatchRef::share() it to keep it longer.
  const MatchResult* find(std::string_view subject);
  CacheStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipit::router
