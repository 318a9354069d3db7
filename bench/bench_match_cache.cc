// What a reactor's match cache costs: a hit on one busy subject and on many, a hit while others
// come and go, a subject that nobody wants, and misses that walk, remember and evict.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/router/match_cache.h"

namespace {

using namespace pipit::router;

SubRef ref(uint32_t i) { return {i / 4096, i % 4096, i, 0, 0}; }

struct Fixture {
  Epoch epoch;
  SubjectTrie trie{epoch};
  MatchCache cache{trie};
};

std::string subject_of(uint32_t i) {
  return "orders.region" + std::to_string(i % 16) + ".item" + std::to_string(i);
}

void hit_one(benchmark::State& state) {
  Fixture f;
  const std::string subject(static_cast<size_t>(state.range(0)), 's');
  f.trie.insert(subject, "", ref(1));
  for (auto _ : state) benchmark::DoNotOptimize(f.cache.find(subject));
}

void hit_many(benchmark::State& state) {
  Fixture f;
  const auto size = static_cast<uint32_t>(state.range(0));
  std::vector<std::string> subjects;
  std::mt19937 random(1);
  for (uint32_t i = 0; i < size; ++i) f.trie.insert(subject_of(i), "", ref(i));
  for (uint32_t i = 0; i < size; ++i) subjects.push_back(subject_of(random() % size));
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(f.cache.find(subjects[i]));
    if (++i == subjects.size()) i = 0;
  }
  const CacheStats stats = f.cache.stats();
  state.counters["hit%"] =
      100.0 * static_cast<double>(stats.hits) / static_cast<double>(stats.lookups);
}

// Between two finds another client's inbox comes or goes, so that the stamp must be looked at.
void hit_during_churn(benchmark::State& state) {
  Fixture f;
  f.trie.insert("orders.new", "", ref(1));
  for (auto _ : state) {
    f.trie.insert("_INBOX.Mh6pH2dK0Zq0T8aX4bW9cR.*", "", ref(2));
    benchmark::DoNotOptimize(f.cache.find("orders.new"));
    f.trie.remove("_INBOX.Mh6pH2dK0Zq0T8aX4bW9cR.*", "", ref(2));
    benchmark::DoNotOptimize(f.cache.find("orders.new"));
  }
}

void hit_nobody(benchmark::State& state) {
  Fixture f;
  for (auto _ : state) benchmark::DoNotOptimize(f.cache.find("nobody.is.here"));
}

// Replies to inboxes: each subject is used once.
void miss(benchmark::State& state) {
  Fixture f;
  f.trie.insert("_INBOX.Mh6pH2dK0Zq0T8aX4bW9cR.*", "", ref(1));
  std::vector<std::string> subjects;
  for (uint32_t i = 0; i < 200'000; ++i)
    subjects.push_back("_INBOX.Mh6pH2dK0Zq0T8aX4bW9cR." + std::to_string(i));
  size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(f.cache.find(subjects[i]));
    if (++i == subjects.size()) i = 0;
  }
}

}  // namespace

BENCHMARK(hit_one)->Arg(8)->Arg(24)->Arg(100);
BENCHMARK(hit_many)->Arg(100)->Arg(10'000)->Arg(30'000)->Arg(65'536)->Arg(1'000'000);
BENCHMARK(hit_during_churn);
BENCHMARK(hit_nobody);
BENCHMARK(miss);

BENCHMARK_MAIN();
