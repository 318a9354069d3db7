// SubjectTrie: who is interested in which subjects; one per account. Read this file first.
//
// Any reactor matches at any time without waiting, taking a lock or writing a shared line, while at
// most one writer (mutex inside) inserts or removes. Readers are between Epoch::online() and the
// next quiescent(): what they can reach is not freed under them. trie_node.h has the parts and the
// invariants.
//
// Stamps. A cached match is valid as long as the Stamp of its subject has not changed. Changes are
// striped so that churn of some subjects (inboxes) leaves others alone; see change_stamps.h. The
// writer changes the trie first and bumps after (release); a reader takes the stamp first (acquire)
// and walks after: a race leaves a stamp that is too old, never a stale match that looks fresh.
#pragma once
#include <cstdint>
#include <string_view>

#include "server/router/change_stamps.h"
#include "server/router/epoch.h"
#include "server/router/match_result.h"
#include "server/router/sub_ref.h"

namespace pipit::router {

struct TrieStats {
  uint64_t subscriptions = 0, inserts = 0, removes = 0;
  uint64_t bytes = 0;  // memory held by nodes and arrays
};

class SubjectTrie {
 public:
  explicit SubjectTrie(Epoch& epoch);
  ~SubjectTrie();  // Requires: no reader.
  SubjectTrie(const SubjectTrie&) = delete;

  // [any thread] Visible to every match that starts after it returns. False: not a valid subject.
  // An empty `queue` is an ordinary subscription. The same ref twice is delivered to twice.
  bool insert(std::string_view subject, std::string_view queue, SubRef ref);
  // [any thread] False if it was not there.
  bool remove(std::string_view subject, std::string_view queue, SubRef ref);

  // [reader] Everybody interested in the literal `subject`, grouped by reactor; null if nobody.
  MatchRef match(std::string_view subject) const;
  // [reader] The same into a result that the caller owns alone; its memory is used again.
  void match_into(std::string_view subject, MatchResult& result) const;
  // [any thread] `hash` is hash_subject(subject).
  Stamp stamp(std::string_view subject, uint64_t hash) const;
  // [any thread] The counters behind the stamps, for a cache that keeps the keys.
  const ChangeStamps& stamps() const;
  // [any thread]
  TrieStats stats() const;

 private:
  struct Impl;
  Impl* impl_;
};

// XXH3 of the subject, the hash that caches and stamps share.
uint64_t hash_subject(std::string_view subject);

}  // namespace pipit::router
