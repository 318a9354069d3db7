// Proves that a SequenceSet holds what a std::set would, in either form and from one to the other,
// and that it takes few bytes for what is deleted in practice.
#include "jetstream/store/sequence_set.h"

#include <random>
#include <set>

#include <doctest/doctest.h>

namespace pipit::js::store {
namespace {

TEST_CASE("a set of sequences holds what was put in and not taken out") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    const uint64_t span = 100 + random() % 3000, base = random() % 5000;
    const uint64_t longest = seed % 3 == 0 ? 1 : 1 + random() % 40;
    SequenceSet set;
    std::set<uint64_t> model;
    for (int step = 0; step < 600; ++step) {
      const uint64_t first = base + random() % span, last = first + random() % longest;
      if (random() % 4 == 0) {
        set.erase(first);
        model.erase(first);
      } else {
        set.insert({first, last});
        for (uint64_t seq = first; seq <= last; ++seq) model.insert(seq);
      }
      const uint64_t seq = base + random() % span;
      CHECK(set.contains(seq) == model.contains(seq));
      uint64_t absent = seq;
      while (model.contains(absent)) ++absent;
      CHECK(set.next_absent(seq) == absent);
    }
    SequenceSet read;
    REQUIRE(read.assign(set.runs(), set.base(), set.words()));
    CHECK(read == set);
    for (uint64_t seq = 0; seq < base + span + 50; ++seq)
      REQUIRE(read.contains(seq) == model.contains(seq));
  }
}

TEST_CASE("a purge takes one run, every second message a bit each, and far ones stay runs") {
  SequenceSet purge;
  for (uint64_t seq = 1; seq <= 100'000; ++seq) purge.insert({seq, seq});
  CHECK(purge.bytes() == sizeof(SequenceRange));
  SequenceSet second;
  for (uint64_t seq = 0; seq < 100'000; seq += 2) second.insert({seq, seq});
  CHECK(second.bytes() <= 100'000 / 8 + 64);
  second.insert({uint64_t{1} << 60, ~uint64_t{0}});
  CHECK(second.contains(99'998));
  CHECK_FALSE(second.contains(99'997));
  CHECK(second.contains(~uint64_t{0}));
  SequenceSet far;
  for (uint64_t i = 0; i < 1000; ++i) far.insert({i << 40, i << 40});
  CHECK(far.bytes() == 1000 * sizeof(SequenceRange));
  CHECK_FALSE(far.assign({{5, 4}}, 0, {}));
  CHECK_FALSE(far.assign({{5, 8}, {7, 9}}, 0, {}));
  CHECK_FALSE(far.assign({}, 3, {1}));
  CHECK(far.contains(uint64_t{5} << 40));
}

TEST_CASE("what is left above a sequence, and the next one that is there") {
  for (const uint64_t step : {1, 3, 1000}) {  // a run, bits, runs
    SequenceSet set;
    for (uint64_t seq = 5; seq < 5 + 200 * step; seq += step) set.insert({seq, seq});
    for (uint64_t seq = 0; seq < 5 + 199 * step; ++seq) {
      uint64_t next = seq <= 5 ? 5 : 5 + (seq - 5 + step - 1) / step * step;
      REQUIRE(set.next_present(seq) == next);
    }
    for (uint64_t through = 0; through < 5 + 200 * step; through += 1 + step / 3) {
      set.erase_through(through);
      CHECK_FALSE(set.contains(through));
      const uint64_t next = through < 5 ? 5 : 5 + ((through - 5) / step + 1) * step;
      REQUIRE(set.next_present(0) == (next < 5 + 200 * step ? next : ~uint64_t{0}));
    }
    set.erase_through(5 + 200 * step);
    CHECK(set.empty());
  }
}

}  // namespace
}  // namespace pipit::js::store
