#include "server/router/match_cache.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include <xxhash.h>

namespace pipit::router {
namespace {

// Longer subjects are walked each time: nobody repeats them, and they would crowd out the rest.
constexpr size_t kLongestSubject = 1024;
constexpr uint64_t kBytesPerEntry = 1024;
// Up to this part of the capacity a subject is kept when it is first found, beyond it when it is
// found again: most replies go to an inbox once, and remembering them costs more than walking.
constexpr uint32_t kFreePart = 64;
// A result larger than this is not worth holding on to only to use its memory again.
constexpr size_t kSpareMembers = 4096;
// A set has a protected and a probation half. New entries come into the second and get into the
// first by being found again, so subjects used once (inboxes) pass through without evicting busy
// ones.
constexpr uint32_t kWays = 8, kProtected = kWays / 2;
constexpr uint32_t kFirstSets = 8;

struct Entry {
  uint64_t hash;
  uint64_t version;  // of the trie when the stamp was last seen to hold
  Stamp stamp;
  StampKey key;
  uint32_t subject_size;
  uint64_t bytes;
  MatchRef result;

  std::string_view subject() const {
    return {reinterpret_cast<const char*>(this + 1), subject_size};
  }
};

struct Set {
  std::array<uint32_t, kWays> tags{};  // upper half of the hash; only a hint
  std::array<Entry*, kWays> entries{};
};

// Which subjects came by lately, by eight bits of hash each: eight to a word, the oldest falls out.
// It errs by taking one in thirty new subjects for an old one.
class Passers {
 public:
  explicit Passers(uint32_t words) : size_(words) {}

  // Has it come by already? From now on it has.
  bool came_by(uint64_t hash) {
    if (words_.empty()) words_.resize(size_);
    uint64_t& word = words_[(hash >> 20) & (size_ - 1)];
    const uint64_t tag = hash >> 56;
    const uint64_t differing = word ^ (tag * kEachByte);
    // Is one of the bytes 0? Then its subtraction borrows into a top bit that was not set.
    if (((differing - kEachByte) & ~differing & (kEachByte << 7)) != 0) return true;
    word = (word << 8) | tag;
    return false;
  }

 private:
  static constexpr uint64_t kEachByte = 0x0101010101010101;
  uint32_t size_;  // a power of two
  std::vector<uint64_t> words_;
};

uint64_t result_bytes(const MatchResult& result) {
  uint64_t bytes = sizeof(MatchResult) + result.plain.capacity() * sizeof(SubRef) +
                   result.slices.capacity() * sizeof(ReactorSlice) +
                   result.groups.capacity() * sizeof(QueueGroup);
  for (const QueueGroup& group : result.groups)
    bytes += group.name.capacity() + group.members.capacity() * sizeof(SubRef);
  return bytes;
}

uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

}  // namespace

struct MatchCache::Impl {
  Impl(const SubjectTrie& t, uint32_t capacity)
      : trie(t),
        stamps(t.stamps()),
        ways(std::clamp(capacity, 1u, kWays)),
        max_sets(std::bit_floor(std::max(capacity / ways, 1u))),
        max_bytes(kBytesPerEntry * ways * max_sets),
        passers(max_sets) {}
  ~Impl() {
    for (Set& set : sets)
      for (Entry* entry : set.entries) free_entry(entry);
  }

  const MatchResult* find(std::string_view subject);
  const MatchResult* remember(Entry* entry);
  const MatchResult* found(Set& set, uint32_t way, uint64_t version);
  const MatchResult* missed(std::string_view subject, uint64_t hash, uint64_t version);

  Set& set_of(uint64_t hash) { return sets[hash & (sets.size() - 1)]; }
  MatchRef walk(std::string_view subject);
  const MatchResult* walk_only(std::string_view subject);
  void keep(Entry* entry);
  void grow();
  void evict(Entry*& entry);
  void evict_beyond_budget(const Entry* spared);
  void free_entry(Entry* entry);
  void set_result(Entry& entry, MatchRef result);

  const SubjectTrie& trie;
  const ChangeStamps& stamps;
  const uint32_t ways;
  const uint32_t max_sets;
  const uint64_t max_bytes;

  std::vector<Set> sets;
  uint32_t turn = 0;  // which way of a half gives way next
  size_t hand = 0;    // the set that evict_beyond_budget() looks at next
  CacheStats stats;
  Passers passers;
  Entry* last = nullptr;  // the entry found last, if it is still kept
  MatchRef nobody{new MatchResult};
  MatchResult* passing = nullptr;  // the last result that was not kept
  MatchRef passing_owner;
};

MatchCache::MatchCache(const SubjectTrie& trie, uint32_t capacity)
    : impl_(std::make_unique<Impl>(trie, capacity)) {}
MatchCache::~MatchCache() = default;

const MatchResult* MatchCache::find(std::string_view subject) { return impl_->find(subject); }

CacheStats MatchCache::stats() const { return impl_->stats; }

const MatchResult* MatchCache::Impl::find(std::string_view subject) {
  ++stats.lookups;
  // Before anything is read from the trie or its stamps (see change_stamps.h).
  const uint64_t version = stamps.version();
  // A publisher repeats its subject as a rule: then comparing is cheaper than hashing (2 of 9 ns).
  if (last != nullptr && last->version == version && last->subject() == subject) {
    ++stats.hits;
    return &*last->result;
  }
  const uint64_t hash = XXH3_64bits(subject.data(), subject.size());
  if (!sets.empty()) {
    Set& set = set_of(hash);
    for (uint32_t way = 0; way < kWays; ++way) {
      if (set.tags[way] != tag_of(hash)) continue;
      const Entry* entry = set.entries[way];
      if (entry != nullptr && entry->subject() == subject) return found(set, way, version);
    }
  }
  return missed(subject, hash, version);
}

const MatchResult* MatchCache::Impl::remember(Entry* entry) {
  last = entry;
  return &*entry->result;
}

const MatchResult* MatchCache::Impl::found(Set& set, uint32_t way, uint64_t version) {
  Entry* entry = set.entries[way];
  if (way >= kProtected) {
    const uint32_t better = turn++ % kProtected;
    std::swap(set.tags[way], set.tags[better]);
    std::swap(set.entries[way], set.entries[better]);
  }
  if (entry->version == version) {
    ++stats.hits;
    return remember(entry);
  }
  const Stamp stamp = stamps.stamp(entry->key);
  if (stamp == entry->stamp) {
    ++stats.hits;
  } else {
    set_result(*entry, walk(entry->subject()));
    entry->stamp = stamp;
    evict_beyond_budget(entry);
  }
  entry->version = version;
  return remember(entry);
}

const MatchResult* MatchCache::Impl::missed(std::string_view subject, uint64_t hash,
                                            uint64_t version) {
  const bool is_free = stats.entries < std::max(ways * max_sets / kFreePart, ways);
  if (subject.size() > kLongestSubject || (!is_free && !passers.came_by(hash)))
    return walk_only(subject);
  void* block = ::operator new(sizeof(Entry) + subject.size());
  auto* entry = new (block) Entry{};
  entry->hash = hash;
  entry->version = version;
  entry->key = ChangeStamps::key(subject, hash);
  entry->stamp = stamps.stamp(entry->key);
  entry->subject_size = static_cast<uint32_t>(subject.size());
  if (!subject.empty()) std::memcpy(static_cast<void*>(entry + 1), subject.data(), subject.size());
  set_result(*entry, walk(subject));
  keep(entry);
  evict_beyond_budget(entry);
  return remember(entry);
}

MatchRef MatchCache::Impl::walk(std::string_view subject) {
  MatchRef result = trie.match(subject);
  return result ? std::move(result) : MatchRef::share(&*nobody);
}

const MatchResult* MatchCache::Impl::walk_only(std::string_view subject) {
  // Alone with it again? acquire: then others' last reads are over (partner: MatchRef::reset).
  if (passing == nullptr || passing->refs.load(std::memory_order_acquire) != 1 ||
      passing->plain.capacity() > kSpareMembers) {
    passing_owner = MatchRef(passing = new MatchResult);
  }
  trie.match_into(subject, *passing);
  return passing;
}

// Puts a new entry where it belongs; what stood there goes.
void MatchCache::Impl::keep(Entry* entry) {
  if (sets.empty()) sets.resize(std::min(max_sets, kFirstSets));
  if (sets.size() < max_sets && stats.entries >= sets.size() * ways / 2) grow();
  Set& set = set_of(entry->hash);
  const auto begin = set.entries.begin();
  auto place = std::find(begin, begin + ways, nullptr);
  if (place == begin + ways) {
    const uint32_t first = ways > kProtected ? kProtected : 0;
    place = begin + first + turn++ % (ways - first);
    evict(*place);
  }
  *place = entry;
  set.tags[place - begin] = tag_of(entry->hash);
  ++stats.entries;
}

// Twice as many sets; each splits in two, so everything finds room.
void MatchCache::Impl::grow() {
  const std::vector<Set> old = std::exchange(sets, std::vector<Set>(sets.size() * 2));
  for (const Set& from : old) {
    for (Entry* entry : from.entries) {
      if (entry == nullptr) continue;
      Set& set = set_of(entry->hash);
      const auto place = std::find(set.entries.begin(), set.entries.end(), nullptr);
      *place = entry;
      set.tags[place - set.entries.begin()] = tag_of(entry->hash);
    }
  }
}

void MatchCache::Impl::evict(Entry*& entry) {
  --stats.entries;
  free_entry(std::exchange(entry, nullptr));
}

void MatchCache::Impl::free_entry(Entry* entry) {
  if (entry == nullptr) return;
  if (entry == last) last = nullptr;
  stats.bytes -= entry->bytes;
  entry->~Entry();
  ::operator delete(entry);
}

void MatchCache::Impl::set_result(Entry& entry, MatchRef result) {
  stats.bytes -= entry.bytes;
  const bool is_shared = &*result == &*nobody;
  entry.bytes = sizeof(Entry) + entry.subject_size + (is_shared ? 0 : result_bytes(*result));
  stats.bytes += entry.bytes;
  entry.result = std::move(result);
}

// A result of any size may stay while it is in use, alone if need be.
void MatchCache::Impl::evict_beyond_budget(const Entry* spared) {
  while (stats.bytes > max_bytes && stats.entries > 1) {
    Set& set = sets[hand++ & (sets.size() - 1)];
    for (Entry*& entry : set.entries)
      if (entry != nullptr && entry != spared) evict(entry);
  }
}

}  // namespace pipit::router
