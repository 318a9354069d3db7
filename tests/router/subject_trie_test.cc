// Proves that SubjectTrie finds exactly the subscriptions that a naive list finds: for chosen
// subjects, and for long random runs of inserts and removes over subjects that share prefixes,
// fork, repeat and crowd; that it groups them as promised; and that an emptied trie holds no more
// than a new one.
#include "server/router/subject_trie.h"

#include <random>
#include <string>

#include <doctest/doctest.h>

#include "tests/router/interest_list.h"

namespace pipit::router {
namespace {

SubRef ref(uint32_t id, uint16_t reactor = 0) { return {id / 7, id, id + 1, reactor, 0}; }

struct Fixture {
  Epoch epoch;
  SubjectTrie trie{epoch};

  size_t count(std::string_view subject) const {
    const MatchRef match = trie.match(subject);
    if (!match) return 0;
    size_t n = match->plain.size();
    for (const QueueGroup& group : match->groups) n += group.members.size();
    return n;
  }
};

TEST_CASE_FIXTURE(Fixture, "a literal is found by itself alone") {
  REQUIRE(trie.insert("foo.bar", "", ref(1)));
  CHECK(count("foo.bar") == 1);
  for (const char* other : {"foo", "foo.ba", "foo.barr", "foo.bar.baz", "bar", "fo", "foo.*", ">"})
    CHECK_MESSAGE(count(other) == 0, other);
  CHECK(trie.match("foo.bar")->plain.front() == ref(1));
}

TEST_CASE_FIXTURE(Fixture, "wildcards stand for whole tokens, the full one for at least one") {
  uint32_t id = 0;
  for (const char* pattern : {"foo.*", "foo.>", "*.bar", "*", ">", "foo.*.baz", "*.*.*"})
    REQUIRE(trie.insert(pattern, "", ref(++id)));
  CHECK(count("foo") == 2);          // *, >
  CHECK(count("foo.bar") == 4);      // foo.*, foo.>, *.bar, >
  CHECK(count("foo.bar.baz") == 4);  // foo.>, >, foo.*.baz, *.*.*
  CHECK(count("a.b.c.d") == 1);      // >
}

TEST_CASE_FIXTURE(Fixture,
                  "a star or an arrow within a token, or in a published subject, is text") {
  REQUIRE(trie.insert("foo*", "", ref(1)));
  REQUIRE(trie.insert("a.*b", "", ref(2)));
  REQUIRE(trie.insert("foo.>b", "", ref(3)));
  REQUIRE(trie.insert("x.y", "", ref(4)));
  REQUIRE(trie.insert("x.*", "", ref(5)));
  REQUIRE(trie.insert("x.>", "", ref(6)));
  CHECK(count("foo*") == 1);
  CHECK(count("foox") == 0);
  CHECK(count("a.*b") == 1);
  CHECK(count("foo.>b") == 1);
  CHECK(count("x.*") == 2);
  CHECK(count("x.>") == 2);
  CHECK(count("x.y") == 3);
}

TEST_CASE_FIXTURE(Fixture, "subjects with empty tokens or something after the arrow are refused") {
  for (const char* bad : {"", ".", "foo.", ".foo", "foo..bar", ">.foo", "foo.>.bar", "*..>"}) {
    CHECK_MESSAGE(!trie.insert(bad, "", ref(1)), bad);
    CHECK_MESSAGE(!trie.remove(bad, "", ref(1)), bad);
  }
  REQUIRE(trie.insert(">", "", ref(1)));
  for (const char* bad : {"", ".", "foo.", ".foo", "foo..bar"}) CHECK_MESSAGE(count(bad) == 0, bad);
  CHECK(trie.stats().inserts == 1);
}

TEST_CASE_FIXTURE(Fixture, "removal wants the same pattern, queue and ref") {
  REQUIRE(trie.insert("a.b", "", ref(1)));
  REQUIRE(trie.insert("a.b", "q", ref(2)));
  CHECK(!trie.remove("a.b", "", ref(2)));
  CHECK(!trie.remove("a.b", "q", ref(1)));
  CHECK(!trie.remove("a.b", "p", ref(2)));
  CHECK(!trie.remove("a.*", "", ref(1)));
  CHECK(!trie.remove("a", "", ref(1)));
  CHECK(!trie.remove("a.b.c", "", ref(1)));
  CHECK(trie.remove("a.b", "", ref(1)));
  CHECK(!trie.remove("a.b", "", ref(1)));
  CHECK(count("a.b") == 1);
  CHECK(trie.remove("a.b", "q", ref(2)));
  CHECK(!trie.match("a.b"));
  CHECK(trie.stats().subscriptions == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "queue groups of one name are one group over all patterns and reactors") {
  REQUIRE(trie.insert("foo.bar", "workers", ref(1, 0)));
  REQUIRE(trie.insert("foo.*", "workers", ref(2, 1)));
  REQUIRE(trie.insert("foo.>", "workers", ref(3, 2)));
  REQUIRE(trie.insert("foo.>", "audit", ref(4, 1)));
  REQUIRE(trie.insert("foo.>", "", ref(5, 1)));
  const MatchRef match = trie.match("foo.bar");
  REQUIRE(match);
  REQUIRE(match->groups.size() == 2);
  CHECK(match->groups[0].name == "audit");
  CHECK(match->groups[0].members.size() == 1);
  CHECK(match->groups[1].name == "workers");
  CHECK(match->groups[1].members.size() == 3);
  CHECK(match->plain.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a queue name with dots is not taken for a subject") {
  REQUIRE(trie.insert("s", "q.a", ref(1)));
  REQUIRE(trie.insert("s", "q", ref(2)));
  REQUIRE(trie.insert("s", "q.a.b", ref(3)));
  CHECK(trie.match("s")->groups.size() == 3);
  CHECK(trie.remove("s", "q", ref(2)));
  CHECK(trie.match("s")->groups.size() == 2);
}

TEST_CASE_FIXTURE(Fixture, "plain members are sorted by reactor with one slice each") {
  for (uint32_t i = 0; i < 90; ++i)
    REQUIRE(trie.insert("s", "", ref(i, static_cast<uint16_t>(i % 3 == 0 ? 40 : i % 3))));
  const MatchRef match = trie.match("s");
  REQUIRE(match->slices.size() == 3);
  CHECK(match->slices[0].reactor == 1);
  CHECK(match->slices[2].reactor == 40);
  for (const ReactorSlice& slice : match->slices) {
    CHECK(slice.end - slice.begin == 30);
    for (const SubRef& member : match->plain_on(slice)) CHECK(member.reactor == slice.reactor);
  }
}

TEST_CASE_FIXTURE(Fixture, "a few members keep the order in which they came") {
  for (uint32_t i = 0; i < 5; ++i) REQUIRE(trie.insert("s", "", ref(i)));
  REQUIRE(trie.remove("s", "", ref(2)));
  const MatchRef match = trie.match("s");
  CHECK(match->plain == std::vector<SubRef>{ref(0), ref(1), ref(3), ref(4)});
}

TEST_CASE_FIXTURE(Fixture, "a result outlives what it was made of") {
  REQUIRE(trie.insert("a.>", "some queue with a long name", ref(1)));
  REQUIRE(trie.insert("a.b", "", ref(2)));
  const MatchRef match = trie.match("a.b");
  REQUIRE(trie.remove("a.>", "some queue with a long name", ref(1)));
  REQUIRE(trie.remove("a.b", "", ref(2)));
  epoch.collect();
  CHECK(match->groups.front().name == "some queue with a long name");
  CHECK(match->plain.front() == ref(2));
}

TEST_CASE_FIXTURE(Fixture, "ten thousand subscriptions on one subject come and go") {
  const uint64_t empty_bytes = trie.stats().bytes;
  constexpr uint32_t kCount = 10'000;
  for (uint32_t i = 0; i < kCount; ++i) REQUIRE(trie.insert("hot.spot", "", ref(i, i % 4)));
  const MatchRef match = trie.match("hot.spot");
  CHECK(match->plain.size() == kCount);
  CHECK(match->slices.size() == 4);
  CHECK(trie.stats().bytes < kCount * 64);
  for (uint32_t i = 0; i < kCount; ++i)
    REQUIRE(trie.remove("hot.spot", "", ref(i * 7919 % kCount, i * 7919 % kCount % 4)));
  CHECK(!trie.match("hot.spot"));
  CHECK(trie.stats().bytes == empty_bytes);
}

TEST_CASE_FIXTURE(Fixture, "ten thousand queue groups on one subject come and go") {
  const uint64_t empty_bytes = trie.stats().bytes;
  constexpr uint32_t kCount = 10'000;
  for (uint32_t i = 0; i < kCount; ++i) REQUIRE(trie.insert("s", "q" + std::to_string(i), ref(i)));
  REQUIRE(trie.insert("*", "q7", ref(kCount)));
  const MatchRef match = trie.match("s");
  CHECK(match->groups.size() == kCount);
  for (uint32_t i = 0; i < kCount; ++i) REQUIRE(trie.remove("s", "q" + std::to_string(i), ref(i)));
  CHECK(count("s") == 1);
  REQUIRE(trie.remove("*", "q7", ref(kCount)));
  CHECK(trie.stats().bytes == empty_bytes);
}

TEST_CASE_FIXTURE(Fixture, "many subjects take little memory each and give all of it back") {
  const uint64_t empty_bytes = trie.stats().bytes;
  constexpr uint32_t kCount = 40'000;
  const auto pattern = [](uint32_t i) {
    const std::string group = std::to_string(i / 1000), item = std::to_string(i);
    switch (i % 4) {
      case 0:
        return "lg." + group + "." + item + ".x";
      case 1:
        return "lg." + group + "." + item + ".*";
      case 2:
        return "lg." + group + "." + item + ".>";
      default:
        return "lg.*." + item + ".x";
    }
  };
  for (uint32_t i = 0; i < kCount; ++i) REQUIRE(trie.insert(pattern(i), "", ref(i)));
  CHECK(trie.stats().bytes < kCount * 100);
  for (uint32_t i = 0; i < kCount; i += 37) {
    const std::string subject = "lg." + std::to_string(i / 1000) + "." + std::to_string(i) + ".x";
    const MatchRef match = trie.match(subject);
    REQUIRE(match);
    CHECK(match->plain == std::vector<SubRef>{ref(i)});
  }
  for (uint32_t i = 0; i < kCount; ++i) REQUIRE(trie.remove(pattern(i), "", ref(i)));
  CHECK(trie.stats().bytes == empty_bytes);
  epoch.collect();
  CHECK(epoch.retired_count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "subjects of thousands of tokens fork, match and go") {
  const uint64_t empty_bytes = trie.stats().bytes;
  std::string deep = "t";
  for (int i = 0; i < 5000; ++i) deep += ".t";
  REQUIRE(trie.insert(deep + ".x", "", ref(1)));
  REQUIRE(trie.insert(deep + ".y", "", ref(2)));
  REQUIRE(trie.insert(deep + ".*", "", ref(3)));
  std::string stars = "*";
  for (int i = 0; i < 5000; ++i) stars += ".*";
  REQUIRE(trie.insert(stars + ".>", "", ref(4)));
  CHECK(count(deep + ".x") == 3);
  CHECK(count(deep + ".y") == 3);
  CHECK(count(deep + ".z") == 2);
  CHECK(count(deep) == 0);
  CHECK(trie.remove(deep + ".x", "", ref(1)));
  CHECK(trie.remove(deep + ".y", "", ref(2)));
  CHECK(trie.remove(deep + ".*", "", ref(3)));
  CHECK(trie.remove(stars + ".>", "", ref(4)));
  CHECK(trie.stats().bytes == empty_bytes);
}

// Few tokens, so that patterns meet in every way; `width` of them at each level.
std::string random_subject(std::mt19937& random, uint32_t width, bool wildcards) {
  static const char* const kTokens[] = {"a", "b", "ab", "*a", ">b", "c",
                                        "d", "e", "f",  "g",  "h",  "i"};
  std::string subject;
  const uint32_t size = 1 + random() % 5;
  for (uint32_t i = 0; i < size; ++i) {
    if (i > 0) subject += '.';
    const uint32_t pick = random() % 10;
    if (wildcards && pick == 0)
      subject += i + 1 == size || random() % 20 == 0 ? ">" : "*";
    else if (wildcards && pick < 3)
      subject += '*';
    else if (random() % 200 != 0)  // now and then an empty token
      subject += kTokens[random() % width];
  }
  return subject;
}

TEST_CASE("random inserts and removes agree with a list at every step") {
  for (const uint32_t seed : {1u, 2u, 4u}) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Epoch epoch;
    SubjectTrie trie(epoch);
    InterestList list;
    const uint64_t empty_bytes = trie.stats().bytes;
    const uint32_t width = 3 * seed;
    for (uint32_t step = 0; step < 2500; ++step) {
      CAPTURE(step);
      // Grows for a while, then shrinks, and so on.
      const bool grow = random() % 10 < (step / 300 % 2 == 0 ? 7u : 3u);
      if (grow || list.all().empty()) {
        const std::string pattern = random_subject(random, width, true);
        const std::string queue = random() % 3 == 0 ? std::string(1, char('p' + random() % 4)) : "";
        const SubRef who = ref(step, static_cast<uint16_t>(random() % 3));
        REQUIRE(trie.insert(pattern, queue, who) == list.insert(pattern, queue, who));
      } else {
        const auto sub = list.all()[random() % list.all().size()];
        REQUIRE(trie.remove(sub.pattern, sub.queue, sub.ref));
        REQUIRE(list.remove(sub.pattern, sub.queue, sub.ref));
      }
      for (int probe = 0; probe < 3; ++probe) {
        const std::string subject = random_subject(random, width, probe == 2);
        const MatchRef match = trie.match(subject);
        REQUIRE_MESSAGE(list.agrees(subject, match ? &*match : nullptr), subject);
      }
      REQUIRE(trie.stats().subscriptions == list.all().size());
    }
    while (!list.all().empty()) {
      const auto sub = list.all().back();
      REQUIRE(trie.remove(sub.pattern, sub.queue, sub.ref));
      list.remove(sub.pattern, sub.queue, sub.ref);
    }
    CHECK(trie.stats().bytes == empty_bytes);
  }
}

TEST_CASE("random crowds on a few subjects agree with a list") {
  std::mt19937 random(7);
  Epoch epoch;
  SubjectTrie trie(epoch);
  InterestList list;
  for (uint32_t step = 0; step < 4000; ++step) {
    CAPTURE(step);
    const bool grow = random() % 10 < (step / 1000 % 2 == 0 ? 8u : 2u);
    if (grow || list.all().empty()) {
      const char* const pattern = std::array{"a", "*", "a.b"}[random() % 3];
      const char* const queue = std::array{"", "", "q"}[random() % 3];
      const SubRef who = ref(step / 2, static_cast<uint16_t>(random() % 3));  // some refs twice
      REQUIRE(trie.insert(pattern, queue, who));
      list.insert(pattern, queue, who);
    } else {
      const auto sub = list.all()[random() % list.all().size()];
      REQUIRE(trie.remove(sub.pattern, sub.queue, sub.ref));
      list.remove(sub.pattern, sub.queue, sub.ref);
    }
    if (step % 50 != 0) continue;
    for (const char* subject : {"a", "b", "a.b"}) {
      const MatchRef match = trie.match(subject);
      REQUIRE(list.agrees(subject, match ? &*match : nullptr));
    }
  }
}

}  // namespace
}  // namespace pipit::router
