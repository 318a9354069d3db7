// Proves what every Store promises, on each of them: limits, deletion, purges, look-ups by
// sequence, subject, filter, id and time, groups that come whole, and what is due. The file store
// is asked twice: with all in the segment that is written, and with all in sealed ones that have
// been written once more.
#include <map>
#include <random>

#include <doctest/doctest.h>

#include "jetstream/store/file_store.h"
#include "jetstream/store/memory_store.h"
#include "tests/sim/sim_vfs.h"

namespace pipit::js::store {
namespace {

struct Listener final : StoreListener {
  void written(Ticket through) override { written_ = through; }
  void durable(Ticket through) override { durable_ = through; }
  void failed(Ticket, Ticket, const Error&) override {}
  void lost(StreamId, SequenceRange) override {}
  Ticket written_ = 0, durable_ = 0;
};

struct InFile {
  sim::SimVfs vfs{7};
  sim::SimClock clock;
  Listener listener;
  std::unique_ptr<FileStore> files;
  Store* store = nullptr;

  InFile() {
    FileStoreOptions options;
    options.segment_bytes = 64u << 10;
    auto opened = FileStore::open(vfs, clock, listener, options);
    REQUIRE(opened.ok());
    files = std::move(opened).value();
    store = files.get();
  }
  void settle() {
    while (files->turn()) {
    }
  }
};

struct InSealedFile : InFile {
  StreamId other = 0;
  // Fills the segment, so that what is there is sealed, and written once more stream by stream.
  void settle() {
    if (other == 0) REQUIRE(store->create_stream("fill", {.max_msgs = 1}, 1, other).ok());
    for (int i = 0; i < 9; ++i) {
      REQUIRE(store->append(other, {"fill", {}, std::string(12'000, 'x')}).ok());
      InFile::settle();
    }
    while (files->tidy()) InFile::settle();
  }
};

struct InMemory {
  sim::SimClock clock;
  MemoryStore memory{clock};
  Store* store = &memory;
  void settle() {}
};

template <class Kind>
struct Fixture : Kind {
  using Kind::clock;
  using Kind::store;
  StreamId id = 0;

  void make(const StreamSettings& settings = {}, uint64_t first = 1) {
    REQUIRE(store->create_stream("S", settings, first, id).ok());
  }
  uint64_t add(std::string_view subject, std::string_view payload = "p") {
    auto receipt = store->append(id, {subject, {}, payload});
    REQUIRE_MESSAGE(receipt.ok(), receipt.error().text);
    return receipt.value().seq;
  }
  std::string refusal(std::string_view subject) {
    auto receipt = store->append(id, {subject, {}, "p"});
    REQUIRE_FALSE(receipt.ok());
    return receipt.error().text;
  }
  StreamState state() { return store->state(id).value(); }
  std::vector<uint64_t> there() {
    std::vector<uint64_t> all;
    for (auto next = store->next(id, {}, 0); next; next = store->next(id, {}, all.back() + 1))
      all.push_back(next.value().seq);
    return all;
  }
  std::vector<uint64_t> due(int64_t now, size_t limit = 1000) {
    std::vector<uint64_t> all;
    auto found = store->due(id, now, limit);
    REQUIRE(found.ok());
    for (const Due& one : found.value()) {
      all.push_back(one.seq);
      CHECK(one.subject == store->read(id, one.seq).value().subject);
    }
    return all;
  }
};

using Sequences = std::vector<uint64_t>;

#define KINDS InFile, InSealedFile, InMemory

TEST_CASE_TEMPLATE("a message comes back with all its parts", Kind, KINDS) {
  Fixture<Kind> f;
  f.make();
  REQUIRE(f.store->append(f.id, {"a.b", "NATS/1.0\r\nA: 1\r\n\r\n", "body", 12345}).ok());
  f.settle();
  const StoredMessage message = f.store->read(f.id, 1).value();
  CHECK(message.subject == "a.b");
  CHECK(message.headers == "NATS/1.0\r\nA: 1\r\n\r\n");
  CHECK(message.payload == "body");
  CHECK(message.ts_ns == 12345);
  const StreamState state = f.state();
  CHECK(state.bytes == 30 + 3 + 4 + 4 + 18);
  CHECK(state.first_ts_ns == 12345);
  CHECK(state.last_ts_ns == 12345);
  CHECK(f.store->read(f.id, 2).error().code == Errc::invalid_argument);
  CHECK(f.store->read(f.id + 99, 1).error().code == Errc::invalid_argument);
}

TEST_CASE_TEMPLATE("compressed or not, the same bytes come back, and count the same", Kind, KINDS) {
  Fixture<Kind> f;
  f.make({.compress = true});
  std::mt19937_64 random(1);
  std::vector<std::string> payloads{"",
                                    "x",
                                    std::string(63, 'a'),
                                    std::string(64, 'a'),
                                    std::string(9000, 'b'),
                                    std::string(500, '\0')};
  for (char& byte : payloads.emplace_back(3000, ' ')) byte = static_cast<char>(random());
  const std::string headers = "NATS/1.0\r\nA: 1\r\n\r\n";
  uint64_t bytes = 0;
  for (const std::string& payload : payloads) {
    REQUIRE(f.store->append(f.id, {"a", headers, payload}).ok());
    REQUIRE(f.store->append(f.id, {"b", {}, payload}).ok());
    bytes += counted_bytes(1, headers.size(), payload.size()) + counted_bytes(1, 0, payload.size());
  }
  CHECK(f.state().bytes == bytes);
  f.settle();
  CHECK(f.state().bytes == bytes);
  for (uint64_t seq = 1; seq <= 2 * payloads.size(); ++seq) {
    const StoredMessage message = f.store->read(f.id, seq).value();
    CHECK(message.payload == payloads[(seq - 1) / 2]);
    CHECK(message.headers == (seq % 2 == 1 ? headers : ""));
  }
}

TEST_CASE_TEMPLATE("streams have names, settings and a first sequence, and can go", Kind, KINDS) {
  Fixture<Kind> f;
  f.make({.max_msgs = 7, .max_age_ns = 5, .duplicate_window_ns = 6, .config = "{}"}, 100);
  CHECK(f.state().first_seq == 100);
  CHECK(f.state().last_seq == 99);
  StreamId again = 0;
  CHECK_FALSE(f.store->create_stream("S", {}, 1, again).ok());
  CHECK_FALSE(f.store->create_stream("", {}, 1, again).ok());
  CHECK(f.add("a") == 100);
  f.settle();
  CHECK(f.store->settings(f.id).value().max_msgs == 7);
  CHECK(f.store->settings(f.id).value().max_age_ns == 5);
  CHECK(f.store->settings(f.id).value().duplicate_window_ns == 6);
  CHECK(f.store->settings(f.id).value().config == "{}");
  const auto streams = f.store->streams();
  CHECK(std::count(streams.begin(), streams.end(), std::pair{f.id, std::string("S")}) == 1);
  REQUIRE(f.store->delete_stream(f.id).ok());
  CHECK_FALSE(f.store->state(f.id).ok());
  CHECK_FALSE(f.store->delete_stream(f.id).ok());
  f.make();
  CHECK(f.state().messages == 0);
}

TEST_CASE_TEMPLATE("limits remove the oldest, or refuse the newest", Kind, KINDS) {
  Fixture<Kind> f;
  SUBCASE("messages") {
    f.make({.max_msgs = 3});
    for (int i = 0; i < 10; ++i) f.add("a");
    f.settle();
    CHECK(f.there() == Sequences{8, 9, 10});
    CHECK(f.state().first_seq == 8);
  }
  SUBCASE("bytes") {
    f.make({.max_bytes = 100});
    for (int i = 0; i < 10; ++i) f.add("a");
    CHECK(f.state().messages == 3);  // of 32
  }
  SUBCASE("a message that is larger than the limit goes with the others") {
    f.make({.max_bytes = 100});
    f.add("a");
    f.add("a", std::string(200, 'x'));
    CHECK(f.state().messages == 0);
    CHECK(f.state().first_seq == 3);
  }
  SUBCASE("of a subject") {
    f.make({.max_msgs_per_subject = 2});
    for (int i = 0; i < 10; ++i) f.add(i % 2 == 0 ? "a" : "b");
    f.settle();
    CHECK(f.there() == Sequences{7, 8, 9, 10});
  }
  SUBCASE("refused") {
    f.make({.max_msgs = 2, .discard_new = true});
    f.add("a");
    f.add("a");
    CHECK(f.refusal("a") == "maximum messages exceeded");
    CHECK(f.state().last_seq == 2);
  }
  SUBCASE("refused for the bytes") {
    f.make({.max_bytes = 40, .discard_new = true});
    f.add("a");
    CHECK(f.refusal("a") == "maximum bytes exceeded");
  }
  SUBCASE("refused for the subject") {
    f.make({.max_msgs_per_subject = 1, .discard_new = true, .discard_new_per_subject = true});
    f.add("a");
    f.settle();
    CHECK(f.refusal("a") == "maximum messages per subject exceeded");
    CHECK(f.add("b") == 2);
  }
  SUBCASE("of a subject, where a full stream refuses: what is replaced makes room") {
    f.make({.max_msgs = 2, .max_msgs_per_subject = 1, .discard_new = true});
    f.add("a");
    f.add("b");
    CHECK(f.refusal("c") == "maximum messages exceeded");
    f.add("a");
    f.settle();
    CHECK(f.there() == Sequences{2, 3});
  }
  SUBCASE("lower ones remove at once") {
    f.make();
    for (int i = 0; i < 10; ++i) f.add(i % 2 == 0 ? "a" : "b");
    f.settle();
    REQUIRE(f.store->update_stream(f.id, {.max_msgs = 4, .max_msgs_per_subject = 3}).ok());
    f.settle();
    CHECK(f.there() == Sequences{7, 8, 9, 10});
  }
}

TEST_CASE_TEMPLATE("readers find the next of a filter, the last of a subject, every subject", Kind,
                   KINDS) {
  Fixture<Kind> f;
  f.make();
  for (int i = 1; i <= 300; ++i) f.add("s." + std::to_string(i % 7));
  f.settle();
  const SubjectFilter even{{}, [](std::string_view s) { return (s.back() - '0') % 2 == 0; }};
  CHECK(f.store->next(f.id, even, 8).value().seq == 9);
  CHECK(f.store->next(f.id, {"s.6", {}}, 8).value().seq == 13);
  CHECK_FALSE(f.store->next(f.id, {"s.9", {}}, 0).ok());
  CHECK(f.store->last(f.id, "s.3").value().seq == 297);
  CHECK(f.store->find_last(f.id, "s.3").value() == 297);
  CHECK(f.store->find_last(f.id, "s.9").value() == 0);
  CHECK(f.store->find_first(f.id, "s.3").value() == 3);
  CHECK(f.store->find_first(f.id, "s.9").value() == 0);
  CHECK(f.store->subject_count(f.id).value() == 7);
  std::map<std::string, uint64_t> counts;
  REQUIRE(f.store
              ->subjects(
                  f.id, even,
                  [&](std::string_view subject, uint64_t n) { counts[std::string(subject)] = n; })
              .ok());
  CHECK(counts ==
        std::map<std::string, uint64_t>{{"s.0", 42}, {"s.2", 43}, {"s.4", 43}, {"s.6", 43}});
  f.add("s.3");
  CHECK(f.store->find_last(f.id, "s.3").value() == 301);  // under way, too
  REQUIRE(f.store->remove(f.id, {1, 9}, false).ok());
  CHECK(f.store->find_first(f.id, "s.3").value() == 10);
}

TEST_CASE_TEMPLATE("a filter's newest, how many it takes, the newest of each subject up to one",
                   Kind, KINDS) {
  Fixture<Kind> f;
  f.make();
  for (const char* subject : {"a.1", "a.2", "b", "a.1", "b", "c"}) f.add(subject);
  REQUIRE(f.store->remove(f.id, {6, 6}, false).ok());
  f.settle();
  const SubjectFilter a{{}, [](std::string_view subject) { return subject.starts_with("a."); }};
  const SubjectFilter none{{}, [](std::string_view) { return false; }};
  CHECK(f.store->last_match(f.id, a).value().seq == 4);
  CHECK(f.store->last_match(f.id, {}).value().seq == 5);
  CHECK_FALSE(f.store->last_match(f.id, none).ok());
  CHECK_FALSE(f.store->last_match(f.id, {"c", {}}).ok());
  CHECK(f.store->count(f.id, a, 0).value().messages == 3);
  CHECK(f.store->count(f.id, a, 2).value().messages == 2);
  CHECK(f.store->count(f.id, {}, 3).value().messages == 3);
  CHECK(f.store->count(f.id, {"b", {}}, 4).value().messages == 1);
  CHECK(f.store->count(f.id, {}, 99).value().messages == 0);
  CHECK(f.store->count(f.id, a, 0).value().through == 6);
  CHECK(f.store->last_each(f.id, {}, ~uint64_t{0}, 9).value() == Sequences{2, 4, 5});
  CHECK(f.store->last_each(f.id, {}, 3, 9).value() == Sequences{1, 2, 3});
  CHECK(f.store->last_each(f.id, a, 1, 9).value() == Sequences{1});
  CHECK(f.store->last_each(f.id, {"b", {}}, 4, 9).value() == Sequences{3});
  CHECK(f.store->last_each(f.id, none, 9, 9).value().empty());
  CHECK(f.store->last_each(f.id, {}, 9, 3).ok());
  const auto many = f.store->last_each(f.id, {}, 9, 2);
  REQUIRE_FALSE(many.ok());
  CHECK(many.error().code == Errc::exhausted);
}

TEST_CASE_TEMPLATE("what is removed is gone, and deleted() tells the gaps", Kind, KINDS) {
  Fixture<Kind> f;
  f.make();
  for (int i = 1; i <= 10; ++i) f.add("a");
  f.settle();
  CHECK(f.store->remove(f.id, {3, 4}, false).value().seq == 2);
  CHECK(f.store->remove(f.id, {4, 6}, true).value().seq == 2);
  CHECK_FALSE(f.store->remove(f.id, {3, 6}, false).ok());
  CHECK(f.store->remove(f.id, {10, 10}, false).value().seq == 1);
  f.settle();
  CHECK(f.there() == Sequences{1, 2, 7, 8, 9});
  CHECK_FALSE(f.store->read(f.id, 4).ok());
  CHECK(f.store->deleted(f.id, 10).value() == std::vector<SequenceRange>{{3, 6}, {10, 10}});
  CHECK(f.store->deleted(f.id, 1).value() == std::vector<SequenceRange>{{3, 6}});
  CHECK(f.state().last_seq == 10);
  CHECK(f.store->remove(f.id, {1, 1}, false).ok());
  CHECK(f.state().first_seq == 2);
  CHECK(f.store->skip(f.id, 20).ok());
  CHECK_FALSE(f.store->skip(f.id, 20).ok());
  CHECK(f.add("a") == 21);
  f.settle();
  CHECK(f.store->deleted(f.id, 10).value() == std::vector<SequenceRange>{{3, 6}, {10, 20}});
  CHECK(f.store->lost(f.id).value().empty());
}

TEST_CASE_TEMPLATE("a copy keeps its sequence, and the gap before it holds nothing", Kind, KINDS) {
  Fixture<Kind> f;
  f.make({.max_msgs = 2});
  CHECK_FALSE(f.store->append_at(f.id, 1, 2, {"a", {}, "x", 5}).ok());  // the last one is 0
  CHECK(f.store->append_at(f.id, 0, 3, {"a", {}, "three", 5}).value().seq == 3);
  CHECK(f.store->append_at(f.id, 3, 7, {"b", {}, "seven", 9}).value().seq == 7);
  CHECK_FALSE(f.store->append_at(f.id, 3, 8, {"a", {}, "x", 5}).ok());
  CHECK_FALSE(f.store->append_at(f.id, 7, 7, {"a", {}, "x", 5}).ok());
  f.settle();
  CHECK(f.there() == Sequences{3, 7});
  CHECK(f.state().first_seq == 3);
  CHECK(f.state().committed_seq == 7);
  CHECK(f.store->read(f.id, 7).value().ts_ns == 9);
  CHECK(f.store->deleted(f.id, 10).value() == std::vector<SequenceRange>{{4, 6}});
  CHECK(f.store->append_at(f.id, 7, 20, {"a", {}, "twenty", 11}).ok());
  CHECK(f.add("a") == 21);
  f.settle();
  CHECK(f.there() == Sequences{20, 21});
  CHECK(f.store->lost(f.id).value().empty());
}

TEST_CASE_TEMPLATE("a purge takes all, a subject, what is below, or leaves the newest", Kind,
                   KINDS) {
  Fixture<Kind> f;
  f.make();
  for (int i = 1; i <= 12; ++i) f.add(i % 3 == 0 ? "a" : "b");
  f.settle();
  SUBCASE("all") {
    CHECK(f.store->purge(f.id, {}, 0, 0).value().seq == 12);
    CHECK(f.state().messages == 0);
    CHECK(f.state().bytes == 0);
    CHECK(f.state().first_seq == 13);
    CHECK(f.state().first_ts_ns == 0);
    CHECK(f.store->subject_count(f.id).value() == 0);
    CHECK(f.store->purge(f.id, {}, 0, 0).value().seq == 0);
  }
  SUBCASE("a subject") {
    CHECK(f.store->purge(f.id, {"a", {}}, 0, 0).value().seq == 4);
    f.settle();
    CHECK(f.there() == Sequences{1, 2, 4, 5, 7, 8, 10, 11});
    CHECK(f.store->subject_count(f.id).value() == 1);
  }
  SUBCASE("below") {
    CHECK(f.store->purge(f.id, {}, 9, 0).value().seq == 8);
    f.settle();
    CHECK(f.there() == Sequences{9, 10, 11, 12});
    CHECK(f.store->purge(f.id, {}, 1, 0).value().seq == 0);
  }
  SUBCASE("but the newest") {
    CHECK(f.store->purge(f.id, {"b", {}}, 0, 3).value().seq == 5);
    CHECK(f.store->purge(f.id, {}, 0, 2).value().seq == 5);
    f.settle();
    CHECK(f.there() == Sequences{11, 12});
  }
}

TEST_CASE_TEMPLATE("an id is found, also under way, deleted or repeated, if it is young enough",
                   Kind, KINDS) {
  Fixture<Kind> f;
  f.make({.duplicate_window_ns = 1'000});
  const int64_t now = f.clock.wall;
  REQUIRE(f.store->append(f.id, {"a", {}, "1", now, 0, "one"}).ok());
  CHECK(f.store->find_id(f.id, "one", now).value() == 1);
  f.settle();
  REQUIRE(f.store->append(f.id, {"a", {}, "2", now + 10, 0, "two"}).ok());
  REQUIRE(f.store->append(f.id, {"a", {}, "3", now + 20}).ok());
  f.settle();
  CHECK(f.store->find_id(f.id, "one", now).value() == 1);
  CHECK(f.store->find_id(f.id, "one", now + 1).value() == 0);
  CHECK(f.store->find_id(f.id, "two", now).value() == 2);
  CHECK(f.store->find_id(f.id, "three", 0).value() == 0);
  CHECK(f.store->find_id(f.id, "", 0).value() == 0);
  REQUIRE(f.store->remove(f.id, {2, 2}, false).ok());
  f.settle();
  CHECK(f.store->find_id(f.id, "two", now).value() == 2);
  REQUIRE(f.store->purge(f.id, {}, 0, 0).ok());
  f.settle();
  f.settle();
  CHECK(f.store->find_id(f.id, "one", now).value() == 1);
  REQUIRE(f.store->append(f.id, {"a", {}, "4", now + 30, 0, "one"}).ok());
  f.settle();
  CHECK(f.store->find_id(f.id, "one", now).value() == 4);
}

TEST_CASE_TEMPLATE("the first message since a time", Kind, KINDS) {
  Fixture<Kind> f;
  f.make();
  CHECK(f.store->first_since(f.id, 0).value() == 1);
  for (int64_t i = 1; i <= 10; ++i) REQUIRE(f.store->append(f.id, {"a", {}, "p", 100 * i}).ok());
  f.settle();
  CHECK(f.store->first_since(f.id, 0).value() == 1);
  CHECK(f.store->first_since(f.id, 300).value() == 3);
  CHECK(f.store->first_since(f.id, 301).value() == 4);
  CHECK(f.store->first_since(f.id, 1001).value() == 11);
  REQUIRE(f.store->remove(f.id, {4, 5}, false).ok());
  CHECK(f.store->first_since(f.id, 301).value() == 6);
}

TEST_CASE_TEMPLATE("what max_age or its own time has run out for is due, the oldest first", Kind,
                   KINDS) {
  Fixture<Kind> f;
  f.make({.max_age_ns = 1000});
  CHECK(f.store->next_due(f.id).value() == 0);
  const auto put = [&](int64_t ts, int64_t expires) {
    REQUIRE(f.store->append(f.id, {"s", {}, "p", ts, expires}).ok());
  };
  put(100, kNeverExpires);
  put(110, 0);
  put(120, 5000);  // max_age comes first
  put(130, 400);
  put(140, 0);
  put(2000, kNeverExpires);
  f.settle();
  put(2100, 2500);
  f.settle();
  CHECK(f.store->next_due(f.id).value() == 400);
  CHECK(f.due(399).empty());
  CHECK(f.due(400) == Sequences{4});
  CHECK(f.due(1110) == Sequences{2, 4});
  CHECK(f.due(1120, 2) == Sequences{2, 3});
  CHECK(f.due(1140) == Sequences{2, 3, 4, 5});
  CHECK(f.due(9999) == Sequences{2, 3, 4, 5, 7});
  REQUIRE(f.store->remove(f.id, {4, 4}, false).ok());
  CHECK(f.store->next_due(f.id).value() == 1110);
  REQUIRE(f.store->remove(f.id, {2, 3}, false).ok());
  CHECK(f.due(1139).empty());
  CHECK(f.store->next_due(f.id).value() == 1140);
  REQUIRE(f.store->remove(f.id, {5, 5}, false).ok());
  f.settle();
  CHECK(f.store->next_due(f.id).value() == 2500);
  REQUIRE(f.store->remove(f.id, {7, 7}, false).ok());
  CHECK(f.store->next_due(f.id).value() == 0);
  CHECK(f.due(kNeverExpires - 1).empty());
  REQUIRE(f.store->update_stream(f.id, {}).ok());
  put(3000, 0);
  CHECK(f.store->next_due(f.id).value() == 0);
  REQUIRE(f.store->update_stream(f.id, {.max_age_ns = 50}).ok());
  CHECK(f.store->next_due(f.id).value() == 3050);
  f.settle();
  CHECK(f.due(4000) == Sequences{8});
}

TEST_CASE_TEMPLATE("a group comes whole or not at all", Kind, KINDS) {
  Fixture<Kind> f;
  f.make({.max_msgs = 4,
          .max_msgs_per_subject = 2,
          .duplicate_window_ns = 1000,
          .discard_new = true,
          .discard_new_per_subject = true});
  const std::vector<NewMessage> three{{"a", {}, "1", 0, 0, "i1"}, {"b", {}, "2"}, {"a", {}, "3"}};
  const Receipt receipt = f.store->append_all(f.id, three).value();
  CHECK(receipt.seq == 3);
  f.settle();
  CHECK(f.there() == Sequences{1, 2, 3});
  CHECK(f.store->read(f.id, 3).value().payload == "3");
  const StreamState before = f.state();

  const std::vector<NewMessage> over{{"b", {}, "4", 0, 0, "i4"}, {"a", {}, "5"}};
  CHECK(f.store->append_all(f.id, over).error().text == "maximum messages per subject exceeded");
  const std::vector<NewMessage> many{{"c", {}, "4"}, {"d", {}, "5"}};
  CHECK(f.store->append_all(f.id, many).error().text == "maximum messages exceeded");
  CHECK_FALSE(f.store->append_all(f.id, {}).ok());
  f.settle();
  CHECK(f.state().messages == before.messages);
  CHECK(f.state().bytes == before.bytes);
  CHECK(f.state().last_seq == 3);
  CHECK(f.store->find_id(f.id, "i1", 0).value() == 1);
  CHECK(f.store->find_id(f.id, "i4", 0).value() == 0);
  CHECK(f.store->subject_count(f.id).value() == 2);
  CHECK(f.add("c") == 4);
  f.settle();
  CHECK(f.there() == Sequences{1, 2, 3, 4});
}

TEST_CASE_TEMPLATE("the number of subjects follows what comes and goes", Kind, KINDS) {
  Fixture<Kind> f;
  f.make({.max_msgs_per_subject = 1});
  const auto count = [&] { return f.store->subject_count(f.id).value(); };
  CHECK(count() == 0);
  f.add("a");
  CHECK(count() == 1);
  f.settle();
  f.add("b");
  f.add("a");
  CHECK(count() == 2);
  f.settle();
  f.add("b");
  f.add("c");
  CHECK(count() == 3);
  REQUIRE(f.store->remove(f.id, {4, 4}, false).ok());
  CHECK(count() == 2);
  REQUIRE(f.store->update_stream(f.id, {.max_msgs = 1}).ok());
  f.settle();
  CHECK(count() == 1);
  f.add("x");
  CHECK(count() == 1);
}

// What a store answers now, as one text.
std::string answers(Store& store, StreamId id, int64_t now, const std::string& message_id) {
  std::string text;
  const auto tell = [&text](auto value) { text += std::to_string(value) + ' '; };
  const auto tell_message = [&](const Result<StoredMessage>& message) {
    if (!message) return void(text += message.error().text);
    tell(message.value().seq), tell(message.value().ts_ns);
    text += message.value().subject + ' ' + message.value().headers + message.value().payload;
  };
  const StreamState state = store.state(id).value();
  tell(state.messages), tell(state.bytes), tell(state.first_seq), tell(state.last_seq);
  tell(state.first_ts_ns);
  tell(store.subject_count(id).value());
  tell(store.first_since(id, now - 300).value());
  tell(store.find_id(id, message_id, 0).value());
  tell(store.next_due(id).value());
  const std::vector<Due> all_due = store.due(id, now, 1000).value();
  for (const Due& due : all_due) tell(due.seq), text += due.subject;
  const std::vector<SequenceRange> deleted = store.deleted(id, 1000).value();
  for (const SequenceRange gap : deleted) tell(gap.first), tell(gap.last);
  std::map<std::string, uint64_t> counts;
  REQUIRE(
      store.subjects(id, {}, [&](auto subject, uint64_t n) { counts[std::string(subject)] = n; })
          .ok());
  for (const auto& [subject, count] : counts) text += subject, tell(count);
  const uint64_t middle = state.first_seq + (state.last_seq - state.first_seq) / 2;
  tell_message(store.read(id, middle));
  tell_message(store.last(id, "s.2"));
  tell_message(store.read_now(id, middle));
  tell_message(store.last_now(id, "s.2"));
  tell_message(store.next(id, {"s.1", {}}, middle));
  const SubjectFilter some{{}, [](auto s) { return s.back() > '2'; }};
  tell_message(store.next(id, some, middle));
  for (const SubjectFilter& filter : {SubjectFilter{}, SubjectFilter{"s.1", {}}, some}) {
    tell_message(store.last_match(id, filter));
    tell(store.count(id, filter, middle).value().messages);
    tell(store.count(id, filter, 0).value().messages);
    for (const uint64_t through : {middle, ~uint64_t{0}}) {
      const std::vector<uint64_t> each = store.last_each(id, filter, through, 1000).value();
      for (const uint64_t seq : each) tell(seq);
    }
  }
  return text;
}

TEST_CASE("whatever is called, the memory store answers as the file store") {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&random](uint64_t n) { return random() % n; };
    const auto limit = [&](uint64_t n) {
      return below(3) == 0 ? static_cast<int64_t>(1 + below(n)) : int64_t{-1};
    };
    const auto settings = [&] {
      StreamSettings made;
      made.max_msgs = limit(20), made.max_bytes = limit(1500);
      made.max_msgs_per_subject = limit(4);
      made.max_age_ns = below(2) == 0 ? static_cast<int64_t>(below(500)) : 0;
      made.duplicate_window_ns = 1'000'000;
      made.discard_new = below(3) == 0;
      made.discard_new_per_subject = below(2) == 0;
      return made;
    };
    InFile file;
    InMemory memory;
    const StreamSettings first = settings();
    const uint64_t first_seq = below(50);
    StreamId id = 0, other = 0;
    REQUIRE(file.store->create_stream("S", first, first_seq, id).ok());
    REQUIRE(memory.store->create_stream("S", first, first_seq, other).ok());
    int64_t now = 1000;
    const auto same = [&](auto call) {
      auto here = call(*file.store, id);
      auto there = call(*memory.store, other);
      REQUIRE(here.ok() == there.ok());
      if (here)
        CHECK(here.value().seq == there.value().seq);
      else
        CHECK(here.error().text == there.error().text);
    };
    for (int step = 0; step < 150; ++step) {
      now += static_cast<int64_t>(below(10));
      std::vector<std::string> texts;
      for (int i = 0; i < 12; ++i)
        texts.push_back((i % 3 == 0 ? "s." : i % 3 == 1 ? "p" : "id.") + std::to_string(below(5)));
      const SequenceRange range{file.store->state(id).value().first_seq + below(10), 0};
      const uint64_t length = below(4), keep = below(3), kind = below(20);
      const StreamSettings changed = settings();
      std::vector<NewMessage> group;
      for (uint64_t i = 0; i <= (kind < 12 ? 0 : below(4)); ++i)
        group.push_back({texts[3 * i % 12], "", texts[(3 * i + 1) % 12], now,
                         below(3) == 0 ? now + static_cast<int64_t>(below(100)) : 0,
                         below(2) == 0 ? std::string_view(texts[(3 * i + 2) % 12])
                                       : std::string_view()});
      if (kind < 15)
        same([&](Store& store, StreamId stream) { return store.append_all(stream, group); });
      else if (kind < 17)
        same([&](Store& store, StreamId stream) {
          return store.remove(stream, {range.first, range.first + length}, false);
        });
      else if (kind < 18)
        same([&](Store& store, StreamId stream) {
          return store.purge(stream, {length == 0 ? "" : texts[0], {}}, range.first + 5, keep);
        });
      else if (kind < 19)
        same([&](Store& store, StreamId stream) {
          auto done = store.update_stream(stream, changed);
          if (done) done.value().seq = 0;
          return done;
        });
      else
        same([&](Store& store, StreamId stream) {
          return store.skip(stream, range.first + 5 * length);
        });
      file.settle();
      if (below(20) == 0)
        while (file.files->tidy()) file.settle();
      REQUIRE_MESSAGE(
          answers(*file.store, id, now, texts[2]) == answers(*memory.store, other, now, texts[2]),
          "seed " << seed << " step " << step);
    }
  }
}

}  // namespace
}  // namespace pipit::js::store
