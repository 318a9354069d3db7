// What the subject trie costs: a match among a thousand to a million subscriptions, literal and
// with wildcards; adding and removing them; and the memory each takes.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "server/router/subject_trie.h"

namespace {

using namespace pipit::router;

enum class Mix { kLiteral, kMixed, kWildcard };

// Item `i` of groups of a thousand. Every pattern of a mix matches the subject of its own item
// only.
std::string subject_of(uint32_t i) {
  return "lg." + std::to_string(i / 1000) + "." + std::to_string(i) + ".x";
}

std::string pattern_of(Mix mix, uint32_t i) {
  const std::string group = std::to_string(i / 1000), item = std::to_string(i);
  if (mix == Mix::kLiteral) return subject_of(i);
  const uint32_t shape = mix == Mix::kWildcard ? 1 + i % 3 : i % 4;
  switch (shape) {
    case 0:
      return subject_of(i);
    case 1:
      return "lg." + group + "." + item + ".*";
    case 2:
      return "lg." + group + "." + item + ".>";
    default:
      return "lg.*." + item + ".x";
  }
}

SubRef ref(uint32_t i) { return {i / 4096, i % 4096, i, 0, 0}; }

struct Population {
  Population(Mix mix, uint32_t size) {
    for (uint32_t i = 0; i < size; ++i) trie.insert(pattern_of(mix, i), "", ref(i));
    epoch.collect();
  }
  Epoch epoch;
  SubjectTrie trie{epoch};
};

// Subjects of up to 65,536 items, shuffled: beyond the processor's caches for large populations.
std::vector<std::string> some_subjects(uint32_t size) {
  std::mt19937 random(1);
  std::vector<std::string> subjects;
  for (uint32_t i = 0; i < std::min(size, 65'536u); ++i)
    subjects.push_back(subject_of(random() % size));
  return subjects;
}

void match(benchmark::State& state, Mix mix) {
  const auto size = static_cast<uint32_t>(state.range(0));
  const Population population(mix, size);
  const std::vector<std::string> subjects = some_subjects(size);
  size_t i = 0;
  for (auto _ : state) {
    const MatchRef result = population.trie.match(subjects[i]);
    benchmark::DoNotOptimize(result->plain.data());
    if (++i == subjects.size()) i = 0;
  }
  state.counters["bytes/sub"] = static_cast<double>(population.trie.stats().bytes) / size;
}

void match_nobody(benchmark::State& state) {
  const auto size = static_cast<uint32_t>(state.range(0));
  const Population population(Mix::kMixed, size);
  for (auto _ : state) benchmark::DoNotOptimize(population.trie.match("lg.7.none.x"));
}

void fan_out(benchmark::State& state) {
  Epoch epoch;
  SubjectTrie trie(epoch);
  for (uint32_t i = 0; i < state.range(0); ++i) trie.insert("hot", "", ref(i));
  for (auto _ : state) benchmark::DoNotOptimize(trie.match("hot")->plain.data());
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

// Fills and empties a whole trie; an item is one insert and one remove.
void fill_and_empty(benchmark::State& state, Mix mix) {
  const auto size = static_cast<uint32_t>(state.range(0));
  std::vector<std::string> patterns;
  for (uint32_t i = 0; i < size; ++i) patterns.push_back(pattern_of(mix, i));
  for (auto _ : state) {
    Epoch epoch;
    SubjectTrie trie(epoch);
    for (uint32_t i = 0; i < size; ++i) trie.insert(patterns[i], "", ref(i));
    for (uint32_t i = 0; i < size; ++i) trie.remove(patterns[i], "", ref(i));
  }
  state.SetItemsProcessed(state.iterations() * size);
}

// All on one subject; an item is one insert and one remove.
void crowd_and_disperse(benchmark::State& state) {
  for (auto _ : state) {
    Epoch epoch;
    SubjectTrie trie(epoch);
    for (uint32_t i = 0; i < state.range(0); ++i) trie.insert("hot.spot", "", ref(i));
    for (uint32_t i = 0; i < state.range(0); ++i) trie.remove("hot.spot", "", ref(i));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

void inbox_churn(benchmark::State& state) {
  Population population(Mix::kMixed, 1000);
  for (auto _ : state) {
    population.trie.insert("_INBOX.Mh6pH2dK0Zq0T8aX4bW9cR.*", "", ref(1));
    population.trie.remove("_INBOX.Mh6pH2dK0Zq0T8aX4bW9cR.*", "", ref(1));
  }
}

}  // namespace

BENCHMARK_CAPTURE(match, literal, Mix::kLiteral)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(match, mixed, Mix::kMixed)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(match, wildcard, Mix::kWildcard)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);
BENCHMARK(match_nobody)->Arg(1'000)->Arg(1'000'000);
BENCHMARK(fan_out)->Arg(1)->Arg(10)->Arg(100)->Arg(10'000);
BENCHMARK_CAPTURE(fill_and_empty, literal, Mix::kLiteral)
    ->Arg(1'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(fill_and_empty, mixed, Mix::kMixed)
    ->Arg(1'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(crowd_and_disperse)->Arg(10'000)->Unit(benchmark::kMillisecond);
BENCHMARK(inbox_churn);

BENCHMARK_MAIN();
