// Proves that the index in memory and the one read back from its file answer alike, for random
// messages over few and many subjects; that taking back undoes adding; that the cache of blocks
// stays within its size; and that a flipped bit of the file is an error, never another answer.
#include "jetstream/store/index_file.h"

#include <random>

#include <doctest/doctest.h>

#include "tests/sim/sim_vfs.h"

namespace pipit::js::store {
namespace {

struct Fixture {
  sim::SimVfs vfs{1};
  BlockCache cache{8 * BlockCache::kBlock};

  std::shared_ptr<IndexFile> reopen(const std::string& bytes, uint64_t data_end = 1000) {
    cache.forget(1);
    auto file = vfs.open("index", Vfs::Mode::create);
    REQUIRE(file.ok());
    REQUIRE(file.value()->truncate(0).ok());
    REQUIRE(write_all(*file.value(), std::as_bytes(std::span(bytes)), 0).ok());
    auto index = IndexFile::open(file.value(), 1, 99, data_end, cache, [] {
      return Result<std::string>(Error{Errc::io, 0, "test", ""});
    });
    return index ? index.value() : nullptr;
  }
};

std::string subject_of(uint64_t number) { return "subject." + std::to_string(number); }

void add(LiveIndex& index, uint64_t seq, uint32_t offset, const std::string& subject) {
  Record record;
  record.seq = seq;
  record.ts_ns = static_cast<int64_t>(seq / 3 * 3);
  record.subject = subject;
  if (!subject.empty() && seq % 3 == 0) record.id = hash_id("id." + std::to_string(seq / 6));
  if (!subject.empty() && seq % 5 == 0)
    record.expires_ns = static_cast<int64_t>(seq * 7 % 1000 + 1);
  index.add(record, offset, 50);
}

LiveIndex random_index(uint64_t seed, uint32_t entries, uint32_t subjects) {
  std::mt19937_64 random(seed);
  LiveIndex index;
  uint64_t seq = random() % 1000;
  for (uint32_t i = 0; i < entries; ++i) {
    seq += 1 + (random() % 10 == 0 ? random() % 5 : 0);
    add(index, seq, i * 80, random() % 50 == 0 ? "" : subject_of(random() % subjects));
  }
  return index;
}

TEST_CASE_FIXTURE(Fixture, "an index file answers as the index it was written from") {
  for (const auto& [entries, subjects] : std::initializer_list<std::pair<uint32_t, uint32_t>>{
           {0, 1}, {1, 1}, {3000, 5}, {3000, 4000}}) {
    LiveIndex first = random_index(entries + subjects, entries, subjects);
    LiveIndex second = random_index(7, 100, 3);
    const auto file = reopen(encode_index(99, 1000, {{4, &first}, {9, &second}}));
    REQUIRE(file);
    CHECK(file->part(5) == nullptr);
    REQUIRE(file->part(9)->size() == 100);
    for (uint32_t i = 0; i < 100; ++i)
      CHECK(file->part(9)->entry(i).value().seq == second.entry(i).value().seq);
    const std::shared_ptr<Index> read = file->part(4);
    REQUIRE(read);
    REQUIRE(read->size() == entries);
    CHECK(read->subjects() == first.subjects());
    for (uint32_t i = 0; i < entries; ++i) {
      const IndexEntry there = read->entry(i).value(), here = first.entry(i).value();
      CHECK(there.seq == here.seq);
      CHECK(there.offset == here.offset);
      CHECK(there.prev == here.prev);
      CHECK((there.subject == kNone) == (here.subject == kNone));
      if (here.subject == kNone) continue;
      CHECK(read->text(read->row(there.subject).value()).value() ==
            first.text(first.row(here.subject).value()).value());
    }
    for (uint32_t i = 0; i < subjects + 3; ++i) {
      const uint32_t there = read->find(subject_of(i)).value();
      const uint32_t here = first.find(subject_of(i)).value();
      REQUIRE((there == kNone) == (here == kNone));
      if (here != kNone) CHECK(read->row(there).value().last == first.row(here).value().last);
    }
    CHECK(read->ids() == first.ids());
    for (uint64_t i = 0; i < 1200; ++i) {
      const MessageId id = hash_id("id." + std::to_string(i));
      CHECK(read->find_id(id, 0).value() == first.find_id(id, 0).value());
    }
    for (int64_t from = 0; from < 1002; from += 13) {
      const auto there = read->expiry_from({from}).value(),
                 here = first.expiry_from({from}).value();
      REQUIRE(there.has_value() == here.has_value());
      if (here) CHECK(there->entry == here->entry);
    }
    for (int64_t time = 0; time < 6000; time += 11)
      CHECK(read->lower_bound_of_time(time).value() == first.lower_bound_of_time(time).value());
    for (uint64_t seq = 0; seq < 6000; seq += 7)
      CHECK(read->lower_bound(seq).value() == first.lower_bound(seq).value());
    CHECK(cache.bytes() <= 8 * BlockCache::kBlock);
  }
}

TEST_CASE("taking back the newest entries leaves what was there before") {
  LiveIndex index = random_index(3, 500, 40);
  const LiveIndex before = index;
  for (uint64_t i = 0; i < 300; ++i) add(index, 100'000 + i, 8, subject_of(i % 90));
  for (int i = 0; i < 300; ++i) index.pop();
  CHECK(index.size() == before.size());
  CHECK(index.texts() == before.texts());
  CHECK(index.ids() == before.ids());
  CHECK(index.expiries().size() == before.expiries().size());
  for (uint64_t i = 0; i < 90; ++i) {
    const uint32_t row = index.find(subject_of(i)).value();
    LiveIndex copy = before;
    REQUIRE(row == copy.find(subject_of(i)).value());
    if (row == kNone) continue;
    CHECK(index.rows()[row].last == before.rows()[row].last);
    CHECK(index.rows()[row].count == before.rows()[row].count);
  }
}

TEST_CASE_FIXTURE(Fixture, "a damaged index file is an error, never another answer") {
  LiveIndex index = random_index(5, 400, 30);
  const std::string good = encode_index(99, 1000, {{4, &index}});
  CHECK(reopen(good, 999) == nullptr);  // of another length of the segment
  for (size_t bit = 0; bit < good.size() * 8; bit += 13) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto file = reopen(bytes);
    if (!file) continue;
    const auto read = file->part(4);
    REQUIRE(read);
    for (uint32_t i = 0; i < 400; i += 20) {
      auto entry = read->entry(i);
      if (entry) CHECK(entry.value().seq == index.entry(i).value().seq);
    }
  }
}

}  // namespace
}  // namespace pipit::js::store
