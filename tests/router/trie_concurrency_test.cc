// Proves, under TSan above all, that readers walk and cache while writers change the same trie:
// what is always there is always found, once; what was never there never is; and what a writer has
// announced is seen. Every thread does a counted amount of work, so the test ends however it is
// scheduled.
#include <array>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "server/router/match_cache.h"
#include "server/router/subject_trie.h"

namespace pipit::router {
namespace {

constexpr uint32_t kReaders = 2;
constexpr uint32_t kStable = 1'000'000;  // ids from here on never leave

SubRef ref(uint32_t id) { return {id, id, id, static_cast<uint16_t>(id % 3), 0}; }
bool is_whole(const SubRef& r) {
  return r.connection == r.sub && r.sub == r.generation && r.reactor == r.sub % 3 && r.unused == 0;
}

// What one reader may say about one result: the stable member exactly once, all others whole and
// within the ids in use.
bool is_sound(const MatchResult& result, uint32_t stable_id, uint32_t churn_ids) {
  int stable = 0;
  const auto member = [&](const SubRef& r) {
    if (r.sub == stable_id) ++stable;
    return is_whole(r) && (r.sub == stable_id || r.sub < churn_ids);
  };
  for (const SubRef& r : result.plain)
    if (!member(r)) return false;
  for (const QueueGroup& group : result.groups)
    for (const SubRef& r : group.members)
      if (!member(r)) return false;
  return stable == 1;
}

// Patterns around `subjects` that make every kind of place change: leaves that become crowds,
// forks, tables that grow and shrink, nodes that empty.
std::string churn_pattern(uint32_t i) {
  switch (i % 8) {
    case 0:
      return "top.mid.end";
    case 1:
      return "top.mid.*";
    case 2:
      return "top.*.end";
    case 3:
      return "top.>";
    case 4:
      return "top.mid" + std::to_string(i) + ".end";
    case 5:
      return "top.mid.end.further";
    case 6:
      return "top" + std::to_string(i % 64);
    default:
      return "*.mid.end";
  }
}

TEST_CASE("readers always find what is always there, while writers churn around it") {
  constexpr uint32_t kRounds = 40, kIds = 256, kReads = 4000;
  Epoch epoch;
  SubjectTrie trie(epoch);
  const std::array<std::string, 3> subjects{"top.mid.end", "top.mid.other", "top5"};
  for (uint32_t s = 0; s < subjects.size(); ++s)
    REQUIRE(trie.insert(subjects[s], "", ref(kStable + s)));

  std::atomic<int> unsound{0};
  std::latch start(kReaders + 2);
  std::vector<std::thread> threads;
  for (uint32_t slot = 0; slot < kReaders; ++slot) {
    threads.emplace_back([&, slot] {
      MatchCache cache(trie, 64);
      start.arrive_and_wait();
      epoch.online(slot);
      for (uint32_t i = 0; i < kReads; ++i) {
        const uint32_t s = i % subjects.size();
        const MatchRef match = trie.match(subjects[s]);
        if (!match || !is_sound(*match, kStable + s, kIds)) ++unsound;
        if (!is_sound(*cache.find(subjects[s]), kStable + s, kIds)) ++unsound;
        if (i % 64 == 0) {
          epoch.offline(slot);
          epoch.online(slot);
        } else if (i % 8 == 0) {
          epoch.quiescent(slot);
        }
      }
      epoch.offline(slot);
    });
  }
  // Two writers with ids of their own, so that they meet at the mutex and in the same nodes.
  for (uint32_t half = 0; half < 2; ++half) {
    threads.emplace_back([&, half] {
      start.arrive_and_wait();
      for (uint32_t round = 0; round < kRounds; ++round) {
        const char* queue = round % 3 == 0 ? "q" : "";
        for (uint32_t i = half; i < kIds; i += 2)
          trie.insert(churn_pattern(i / 2 + round), queue, ref(i));
        for (uint32_t i = half; i < kIds; i += 2)
          if (!trie.remove(churn_pattern(i / 2 + round), queue, ref(i))) ++unsound;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(unsound == 0);
  CHECK(trie.stats().subscriptions == subjects.size());
  epoch.collect();
  CHECK(epoch.retired_count() == 0);
}

TEST_CASE("what a writer has announced is in every match and every find from then on") {
  constexpr uint32_t kRounds = 4000;
  const std::string subject = "s.one.t";
  // At least one for each kind of stripe.
  static const char* const kPatterns[] = {"s.one.t", "s.one.*", "s.*.t", "*.one.t", ">"};
  Epoch epoch;
  SubjectTrie trie(epoch);
  MatchCache cache(trie, 64);
  // The writer announces a round when its change is done: in odd rounds the subscription is there,
  // in even rounds it is gone. The reader checks each round, and finds the subject all the while
  // between, so that what it remembers is made in the middle of changes.
  std::atomic<uint32_t> announced{0}, checked{0};
  int wrong_walks = 0, wrong_finds = 0;

  std::thread reader([&] {
    epoch.online(0);
    for (uint32_t round = 1; round <= kRounds; ++round) {
      for (uint32_t i = 1; announced.load(std::memory_order_acquire) < round; ++i) {
        cache.find(subject);
        epoch.quiescent(0);
        if (i % 256 == 0) std::this_thread::yield();
      }
      const bool there = round % 2 == 1;
      wrong_finds += cache.find(subject)->empty() == there;
      wrong_walks += static_cast<bool>(trie.match(subject)) != there;
      epoch.quiescent(0);
      checked.store(round, std::memory_order_release);
      checked.notify_one();
    }
    epoch.offline(0);
  });
  for (uint32_t round = 1; round <= kRounds; ++round) {
    const char* pattern = kPatterns[(round + 1) / 2 % std::size(kPatterns)];
    if (round % 2 == 1)
      trie.insert(pattern, "", ref(7));
    else
      trie.remove(pattern, "", ref(7));
    announced.store(round, std::memory_order_release);
    checked.wait(round - 1, std::memory_order_acquire);
  }
  reader.join();
  CHECK(wrong_walks == 0);
  CHECK(wrong_finds == 0);
  CHECK(trie.stats().subscriptions == 0);
}

TEST_CASE("results are shared between threads and freed by whoever lets go last") {
  Epoch epoch;
  SubjectTrie trie(epoch);
  REQUIRE(trie.insert("s", "q", ref(1)));
  REQUIRE(trie.insert("s", "", ref(2)));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int round = 0; round < 50; ++round) {
    MatchRef match = trie.match("s");
    threads.emplace_back([&wrong, mine = MatchRef::share(&*match)] {
      if (mine->plain.size() != 1 || mine->groups.size() != 1) ++wrong;
    });
    match.reset();
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace pipit::router
