// Proves that MatchCache never answers anything but what a walk of the trie would, whatever changes
// in between; that changes elsewhere leave its entries valid; and that entries and bytes are
// bounded.
#include "server/router/match_cache.h"

#include <random>
#include <string>

#include <doctest/doctest.h>

#include "tests/router/interest_list.h"

namespace pipit::router {
namespace {

SubRef ref(uint32_t id) { return {id, id, id, 0, 0}; }

struct Fixture {
  Epoch epoch;
  SubjectTrie trie{epoch};
  MatchCache cache{trie};

  // Was the answer remembered?
  bool hits(std::string_view subject) {
    const uint64_t before = cache.stats().hits;
    cache.find(subject);
    return cache.stats().hits > before;
  }
};

TEST_CASE_FIXTURE(Fixture, "nobody's interest is an empty result that is remembered") {
  const MatchResult* result = cache.find("foo");
  REQUIRE(result != nullptr);
  CHECK(result->empty());
  CHECK(hits("foo"));
  CHECK(cache.stats().entries == 1);
  CHECK(cache.stats().lookups == 2);
}

TEST_CASE_FIXTURE(Fixture, "a change that concerns the subject is seen by the next find") {
  CHECK(cache.find("a.b.c")->empty());
  uint32_t id = 0;
  for (const char* pattern : {"a.b.c", "a.b.*", "a.b.>", "a.*.c", "a.>", "*.b.c", ">", "*.*.*"}) {
    CAPTURE(pattern);
    REQUIRE(trie.insert(pattern, "", ref(++id)));
    CHECK(cache.find("a.b.c")->plain.size() == id);
    CHECK(hits("a.b.c"));
  }
  for (const char* pattern : {"a.b.c", "a.b.*", "a.b.>", "a.*.c", "a.>", "*.b.c", ">", "*.*.*"}) {
    CAPTURE(pattern);
    REQUIRE(trie.remove(pattern, "", ref(9 - id)));
    CHECK(cache.find("a.b.c")->plain.size() == --id);
  }
  CHECK(cache.stats().entries == 1);
}

TEST_CASE_FIXTURE(Fixture, "subjects of one and two tokens see the wildcards that concern them") {
  CHECK(cache.find("a")->empty());
  CHECK(cache.find("a.b")->empty());
  REQUIRE(trie.insert("*", "", ref(1)));
  REQUIRE(trie.insert("a.*", "", ref(2)));
  CHECK(cache.find("a")->plain.size() == 1);
  CHECK(cache.find("a.b")->plain.size() == 1);
  REQUIRE(trie.insert(">", "", ref(3)));
  CHECK(cache.find("a")->plain.size() == 2);
  CHECK(cache.find("a.b")->plain.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "inboxes that come and go leave other subjects in the cache") {
  REQUIRE(trie.insert("orders.*", "", ref(1)));
  REQUIRE(trie.insert("_INBOX.mine.*", "", ref(2)));
  cache.find("orders.new");
  cache.find("_INBOX.mine.42");
  int orders = 0, replies = 0;
  for (uint32_t i = 0; i < 50; ++i) {
    const std::string inbox = "_INBOX.other" + std::to_string(i);
    REQUIRE(trie.insert(inbox + ".*", "", ref(100 + i)));
    REQUIRE(trie.insert(inbox, "", ref(200 + i)));
    orders += hits("orders.new");
    replies += hits("_INBOX.mine.42");
  }
  // Stripes are shared by chance, so a few may miss.
  CHECK(orders >= 45);
  CHECK(replies >= 45);
}

TEST_CASE_FIXTURE(Fixture, "a result that is shared survives the change of its subject") {
  REQUIRE(trie.insert("s", "", ref(1)));
  const MatchRef kept = MatchRef::share(cache.find("s"));
  REQUIRE(trie.remove("s", "", ref(1)));
  CHECK(cache.find("s")->empty());
  CHECK(kept->plain.front() == ref(1));
}

TEST_CASE("a cache has no more entries than its capacity and still answers right") {
  Epoch epoch;
  SubjectTrie trie(epoch);
  for (const uint32_t capacity : {1u, 3u, 6u, 8u, 100u, 1024u}) {
    CAPTURE(capacity);
    MatchCache cache(trie, capacity);
    for (uint32_t i = 0; i < 3000; ++i) {
      const std::string subject = "s." + std::to_string(i);
      REQUIRE(trie.insert(subject, "", ref(i)));
      REQUIRE(cache.find(subject)->plain.size() == 1);
      REQUIRE(cache.find("s." + std::to_string(i / 2))->plain.front() == ref(i / 2));
      REQUIRE(cache.stats().entries <= capacity);
    }
    for (uint32_t i = 0; i < 3000; ++i) REQUIRE(trie.remove("s." + std::to_string(i), "", ref(i)));
  }
}

TEST_CASE("bytes are bounded too: long subjects and large results push others out") {
  Epoch epoch;
  SubjectTrie trie(epoch);
  MatchCache cache(trie, 64);
  for (uint32_t i = 0; i < 1000; ++i) REQUIRE(trie.insert("big.>", "", ref(i)));
  for (uint32_t i = 0; i < 200; ++i) {
    CHECK(cache.find("big." + std::to_string(i))->plain.size() == 1000);
    CHECK(cache.stats().bytes <= 64 * 1024);
  }
  CHECK(cache.stats().entries < 5);
  for (uint32_t i = 0; i < 200; ++i) {
    cache.find(std::string(900, 'x') + std::to_string(i));
    CHECK(cache.stats().bytes <= 64 * 1024);
  }
}

TEST_CASE_FIXTURE(Fixture, "subjects beyond a length are answered but not kept") {
  const std::string longest(5000, 'x');
  REQUIRE(trie.insert(longest, "", ref(1)));
  CHECK(cache.find(longest)->plain.size() == 1);
  CHECK(cache.find("*")->empty());
  CHECK(!hits(longest));
  CHECK(cache.stats().entries == 1);
}

TEST_CASE_FIXTURE(Fixture, "a single result larger than the budget is kept while it is used") {
  MatchCache small(trie, 8);
  for (uint32_t i = 0; i < 2000; ++i) REQUIRE(trie.insert("huge", "", ref(i)));
  CHECK(small.find("huge")->plain.size() == 2000);
  CHECK(small.find("huge")->plain.size() == 2000);
  CHECK(small.stats().hits == 1);
}

TEST_CASE_FIXTURE(Fixture, "subjects used once do not push out one that is in use") {
  MatchCache small(trie, 64);
  small.find("busy");
  small.find("busy");
  uint32_t kept = 0;
  for (uint32_t i = 0; i < 2000; ++i) {
    small.find("once." + std::to_string(i));
    const uint64_t before = small.stats().hits;
    small.find("busy");
    kept += small.stats().hits > before;
  }
  CHECK(kept > 1990);
}

TEST_CASE_FIXTURE(Fixture, "a cache with some entries keeps a subject from the second time on") {
  for (uint32_t i = 0; i < 20'000; ++i) cache.find("once." + std::to_string(i));
  const uint64_t entries = cache.stats().entries;
  CHECK(entries < 4000);
  REQUIRE(trie.insert("again", "", ref(1)));
  CHECK(cache.find("again")->plain.size() == 1);
  CHECK(cache.find("again")->plain.size() == 1);
  CHECK(hits("again"));
  CHECK(cache.stats().entries <= entries + 1);
}

TEST_CASE_FIXTURE(Fixture, "a result that was not kept stays with whoever shared it") {
  for (uint32_t i = 0; i < 5'000; ++i) cache.find("once." + std::to_string(i));
  REQUIRE(trie.insert("in.*", "", ref(1)));
  REQUIRE(trie.insert("in.a", "q", ref(2)));
  const MatchRef a = MatchRef::share(cache.find("in.a"));
  const MatchRef b = MatchRef::share(cache.find("in.b"));
  CHECK(cache.find("none.c")->empty());
  CHECK(a->plain.size() == 1);
  CHECK(a->groups.size() == 1);
  CHECK(b->plain.size() == 1);
  CHECK(b->groups.empty());
}

TEST_CASE("random changes and finds agree with a list") {
  static const char* const kPatterns[] = {"a",     "a.b",   "a.*", "*.b", "a.>", ">",     "a.b.c",
                                          "a.b.*", "a.*.c", "*",   "b",   "b.c", "a.b.>", "*.*.c"};
  static const char* const kSubjects[] = {"a",     "b", "a.b",  "b.c", "a.b.c",
                                          "a.x.c", "x", "a..b", ""};
  std::mt19937 random(11);
  Epoch epoch;
  SubjectTrie trie(epoch);
  InterestList list;
  MatchCache cache(trie, 6);
  for (uint32_t step = 0; step < 20'000; ++step) {
    CAPTURE(step);
    if (random() % 4 == 0) {
      const char* pattern = kPatterns[random() % std::size(kPatterns)];
      const char* queue = random() % 2 == 0 ? "" : "q";
      REQUIRE(trie.insert(pattern, queue, ref(step)) == list.insert(pattern, queue, ref(step)));
    } else if (random() % 3 == 0 && !list.all().empty()) {
      const auto sub = list.all()[random() % list.all().size()];
      REQUIRE(trie.remove(sub.pattern, sub.queue, sub.ref));
      list.remove(sub.pattern, sub.queue, sub.ref);
      if (list.all().size() > 40) {
        const auto first = list.all().front();
        REQUIRE(trie.remove(first.pattern, first.queue, first.ref));
        list.remove(first.pattern, first.queue, first.ref);
      }
    }
    const char* subject = kSubjects[random() % std::size(kSubjects)];
    REQUIRE_MESSAGE(list.agrees(subject, cache.find(subject)), subject);
  }
  CHECK(cache.stats().hits > 1000);
}

}  // namespace
}  // namespace pipit::router
