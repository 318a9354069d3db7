// Proves what a FileStore promises besides surviving (store_sim) and what every store does
// (store_contract_test.cc): erasure, separation of streams; that 100 streams written at once share
// their syncs; that a full disk answers at once, lets deletions through and recovers by itself;
// that damage of any bit costs at most one message, is told, and is never read as something else;
// and that files cut, emptied, swapped or removed leave the rest.
#include "jetstream/store/file_store.h"

#include <cerrno>
#include <functional>
#include <random>
#include <set>

#include <doctest/doctest.h>

#include "jetstream/store/posix_vfs.h"
#include "jetstream/store/store_thread.h"
#include "tests/sim/sim_vfs.h"
#include "tests/support/temp_dir.h"

namespace pipit::js::store {
namespace {

using sim::SimClock;
using sim::SimVfs;

struct Listener final : StoreListener {
  void written(Ticket through) override { written_ = through; }
  void durable(Ticket through) override { durable_ = through; }
  void failed(Ticket, Ticket, const Error& error) override { errors.push_back(error); }
  void lost(StreamId, SequenceRange range) override { lost_.push_back(range); }
  Ticket written_ = 0, durable_ = 0;
  std::vector<Error> errors;
  std::vector<SequenceRange> lost_;
};

struct Fixture {
  SimVfs vfs{7};
  SimClock clock;
  Listener listener;
  FileStoreOptions options;
  std::unique_ptr<FileStore> store;
  StreamId id = 0;

  Fixture() {
    options.segment_bytes = 64u << 10;
    open();
  }
  void open() {
    auto opened = FileStore::open(vfs, clock, listener, options);
    REQUIRE_MESSAGE(opened.ok(), opened.error().text);
    store = std::move(opened).value();
  }
  void settle() {
    while (store->turn()) {
    }
  }
  void make(const StreamSettings& settings, const char* name = "S") {
    REQUIRE(store->create_stream(name, settings, 1, id).ok());
  }
  Result<Receipt> append(std::string_view subject, std::string_view payload = "p") {
    return store->append(id, {subject, {}, payload, 0});
  }
  uint64_t messages() { return store->state(id).value().messages; }
};

TEST_CASE_FIXTURE(Fixture, "nothing is seen by readers, or durable, before it is synced") {
  make({});
  const Ticket ticket = append("a").value().ticket;
  CHECK(listener.durable_ == 0);
  CHECK_FALSE(store->read(id, 1).ok());
  CHECK(store->find_last(id, "a").value() == 1);
  settle();
  CHECK(listener.durable_ == ticket);
  CHECK(store->read(id, 1).value().payload == "p");
}

TEST_CASE_FIXTURE(Fixture, "what is under way to be removed stays readable until that is safe") {
  StreamSettings settings;
  settings.max_msgs_per_subject = 1;
  make(settings);
  REQUIRE(append("k", "old").ok());
  REQUIRE(append("l", "other").ok());
  settle();
  const auto reads = [&](uint64_t seq, std::string_view payload) {
    CHECK(store->last(id, "k").value().payload == payload);
    CHECK(store->last_now(id, "k").value().payload == payload);
    CHECK(store->read(id, seq).value().payload == payload);
    CHECK(store->next(id, {"k", {}}, 0).value().seq == seq);
    CHECK(store->last_match(id, {{}, [](std::string_view s) { return s == "k"; }}).value().seq ==
          seq);
  };
  REQUIRE(append("k", "new").ok());
  CHECK(messages() == 2);
  reads(1, "old");
  settle();
  reads(3, "new");
  CHECK_FALSE(store->read(id, 1).ok());

  SUBCASE("a purge of all") {
    REQUIRE(store->purge(id, {}, 0, 0).ok());
    REQUIRE(append("k", "newer").ok());
    CHECK(messages() == 1);
    reads(3, "new");
    CHECK(store->last(id, "l").value().seq == 2);
    settle();
    reads(4, "newer");
    CHECK_FALSE(store->last(id, "l").ok());
  }
  SUBCASE("removed twice in a row, and committed in between") {
    REQUIRE(store->remove(id, {3, 3}, false).ok());
    reads(3, "new");
    settle();
    CHECK_FALSE(store->last(id, "k").ok());
    CHECK(store->last(id, "l").value().seq == 2);
  }
  SUBCASE("a removal that fails") {
    vfs.strike(vfs.calls() + 1, SimVfs::Fault::io);
    REQUIRE(append("k", "newer").ok());
    settle();
    REQUIRE(listener.errors.size() == 1);
    reads(3, "new");
    CHECK(store->find_last(id, "k").value() == 3);
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "readers find the next of a filter, the last of a subject, every subject") {
  make({});
  for (int i = 1; i <= 3000; ++i) REQUIRE(append("s." + std::to_string(i % 7)).ok());
  settle();
  while (store->tidy()) settle();
  const SubjectFilter even{{}, [](std::string_view s) { return (s.back() - '0') % 2 == 0; }};
  CHECK(store->next(id, even, 8).value().seq == 9);
  CHECK(store->next(id, {"s.6", {}}, 8).value().seq == 13);
  CHECK_FALSE(store->next(id, {"s.9", {}}, 0).ok());
  CHECK(store->last(id, "s.3").value().seq == 2999 - (2999 - 3) % 7);
  std::set<std::string> seen;
  uint64_t count = 0;
  REQUIRE(store
              ->subjects(id, even,
                         [&](std::string_view subject, uint64_t n) {
                           seen.insert(std::string(subject));
                           count += n;
                         })
              .ok());
  CHECK(seen == std::set<std::string>{"s.0", "s.2", "s.4", "s.6"});
  CHECK(count == 428 + 429 + 429 + 428);
  CHECK(store->purge(id, {"s.1", {}}, 0, 4).value().seq == 425);
  CHECK(store->purge(id, {}, 1000, 0).value().seq > 0);
  CHECK(store->state(id).value().first_seq == 1000);
}

TEST_CASE_FIXTURE(Fixture, "an erased message is nowhere on the disk, once its ticket is durable") {
  bool compress = false;
  SUBCASE("plain") {}
  SUBCASE("compressed") { compress = true; }
  make({.compress = compress});
  // With an id in front, and a tail that must go as well.
  const std::string text(200, ' ');
  REQUIRE(store->append(id, {"a", "secret", text + "secret", 0, 5, "id"}).ok());
  REQUIRE(append("a", "something else").ok());
  settle();
  const Ticket ticket = store->remove(id, {1, 1}, true).value().ticket;
  settle();
  CHECK(listener.durable_ == ticket);
  vfs.power_cut();
  for (const std::string& name : vfs.names())
    CHECK_MESSAGE(vfs.bytes(name).find("secret") == std::string::npos, name);
  open();
  CHECK_FALSE(store->read(id, 1).ok());
  CHECK(store->read(id, 2).value().payload == "something else");
  CHECK(listener.lost_.empty());
}

TEST_CASE_FIXTURE(Fixture, "who must not wait is told so, and nothing is taken for damage") {
  make({});
  for (int i = 0; i < 20; ++i) REQUIRE(append(i % 2 == 0 ? "a" : "b", std::string(9000, 'x')).ok());
  REQUIRE(append("c", "small").ok());
  settle();
  SUBCASE("in the segment that is written") {}
  SUBCASE("and behind indexes on the disk") {
    while (store->tidy()) settle();
    open();
  }
  vfs.cold = true;
  for (const uint64_t seq : {1, 20, 21}) {
    const auto cold = store->read_now(id, seq);
    REQUIRE_FALSE(cold.ok());
    CHECK(cold.error().code == Errc::timeout);
  }
  CHECK(store->last_now(id, "b").error().code == Errc::timeout);
  CHECK(store->read(id, 1).ok());
  vfs.cold = false;
  CHECK(store->read_now(id, 1).value().payload.size() == 9000);
  CHECK(store->last_now(id, "b").value().seq == 20);
  CHECK(store->last_now(id, "c").value().seq == 21);
  CHECK(store->read_now(id, 22).error().code == Errc::invalid_argument);
  CHECK(store->last_now(id, "d").error().code == Errc::invalid_argument);
  CHECK(listener.lost_.empty());
  CHECK(messages() == 21);
}

TEST_CASE_FIXTURE(Fixture, "small messages that were read are kept in memory until one is erased") {
  make({});
  REQUIRE(append("a", "one").ok());
  REQUIRE(append("b", "two").ok());
  settle();
  REQUIRE(store->read_now(id, 1).ok());
  REQUIRE(store->last_now(id, "b").ok());
  vfs.cold = true;
  CHECK(store->read_now(id, 1).value().payload == "one");
  CHECK(store->last_now(id, "b").value().payload == "two");
  REQUIRE(store->remove(id, {1, 1}, false).ok());
  settle();
  CHECK(store->read_now(id, 1).error().code == Errc::invalid_argument);
  CHECK(store->read_now(id, 2).ok());
  REQUIRE(append("a", "three").ok());
  settle();
  REQUIRE(store->remove(id, {3, 3}, true).ok());
  CHECK(store->read_now(id, 2).error().code == Errc::timeout);
}

TEST_CASE_FIXTURE(Fixture, "a stream that is compressed takes less of the disk") {
  make({.compress = true});
  std::string json;
  for (int i = 0; i < 20; ++i)
    json += "{\"sensor\":" + std::to_string(i) + ",\"unit\":\"celsius\",\"ok\":true},";
  for (int i = 0; i < 200; ++i) REQUIRE(append("a", json).ok());
  settle();
  CHECK(store->state(id).value().bytes > 160'000);
  CHECK(vfs.names().size() <= 4);  // of segments of 64 KiB one
  CHECK(store->read(id, 200).value().payload == json);
}

TEST_CASE_FIXTURE(Fixture, "100 streams written at once need no more syncs than one") {
  std::vector<StreamId> ids(100);
  for (StreamId& stream : ids)
    REQUIRE(store->create_stream("S" + std::to_string(&stream - ids.data()), {}, 1, stream).ok());
  settle();
  const uint64_t before = vfs.syncs();
  for (StreamId stream : ids) REQUIRE(store->append(stream, {"a", {}, "p", 0}).ok());
  settle();
  CHECK(vfs.syncs() - before == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "segments in which streams interleave are separated, and keep everything") {
  StreamId second = 0;
  make({});
  REQUIRE(store->create_stream("T", {}, 1, second).ok());
  for (int i = 0; i < 1500; ++i) {
    REQUIRE(append("a", std::to_string(i)).ok());
    REQUIRE(store->append(second, {"b", {}, std::to_string(-i), 0}).ok());
  }
  settle();
  REQUIRE(store->remove(id, {10, 20}, false).ok());
  settle();
  while (store->tidy()) settle();
  for (uint64_t seq = 1; seq <= 1500; ++seq) {
    auto message = store->read(id, seq);
    CHECK(message.ok() == (seq < 10 || seq > 20));
    if (message) CHECK(message.value().payload == std::to_string(seq - 1));
    CHECK(store->read(second, seq).value().payload ==
          std::to_string(-static_cast<int64_t>(seq - 1)));
  }
  REQUIRE(store->close().ok());
  open();
  CHECK(messages() == 1489);
  CHECK(store->recovery().records == 0);
}

TEST_CASE_FIXTURE(Fixture, "a full disk answers, lets deletions through, and recovers by itself") {
  make({});
  vfs.capacity = 400u << 10;
  Error error;
  for (int i = 0; i < 20'000 && error.code == Errc::ok; ++i) {
    if (auto receipt = append("a", std::string(100, 'x')); !receipt) error = receipt.error();
    settle();
    if (!listener.errors.empty()) error = listener.errors.front();
  }
  REQUIRE(error.sys_errno == ENOSPC);
  const uint64_t stored = messages();
  CHECK(stored > 500);
  CHECK(append("a").error().sys_errno == ENOSPC);  // at once, not after a while
  CHECK(store->read(id, 1).ok());
  listener.errors.clear();
  REQUIRE(store->purge(id, {}, stored, 0).ok());
  settle();
  CHECK(listener.errors.empty());
  CHECK(messages() == 1);
  for (int i = 0; i < 5; ++i) {
    while (store->tidy()) settle();
    clock.monotonic += 250'000'000;
    (void)append("a");
    settle();
  }
  CHECK(append("a").ok());
  settle();
  CHECK(messages() >= 2);
}

TEST_CASE_FIXTURE(Fixture,
                  "publishers who keep trying on a full disk have room soon after a purge") {
  make({});
  vfs.capacity = 600u << 10;
  for (int i = 0; i < 20'000 && listener.errors.empty(); ++i) {
    if (!append("a", std::string(100, 'x'))) break;
    settle();
  }
  REQUIRE(!listener.errors.empty());
  REQUIRE(store->purge(id, {}, 0, 0).ok());
  settle();
  const auto stored = [&] {
    listener.errors.clear();
    const bool taken = append("a").ok();
    settle();
    return taken && listener.errors.empty();
  };
  bool room = false;
  for (int second = 0; second < 2 && !room; ++second) {
    for (int i = 0; i < 20 && !room; ++i) {
      clock.monotonic += 50'000'000;
      room = stored();
    }
    store->tidy();
    settle();
  }
  clock.monotonic += 250'000'000;
  CHECK((room || stored()));
}

// A store of some messages, closed or only left, as the files that it consists of.
struct Reference : Fixture {
  std::map<std::string, std::string> files;
  std::map<uint64_t, std::string> payloads;

  explicit Reference(bool closed) {
    make({});
    for (uint64_t seq = 1; seq <= 12; ++seq) {
      payloads[seq] = "payload " + std::to_string(seq);
      REQUIRE(append("s." + std::to_string(seq % 3), payloads[seq]).ok());
      settle();
    }
    if (closed) REQUIRE(store->close().ok());
    store.reset();
    vfs.kill();
    for (const std::string& name : vfs.names()) files[name] = vfs.bytes(name);
  }
  void restore() {
    store.reset();
    vfs.kill();
    for (const std::string& name : vfs.names())
      if (!files.contains(name)) REQUIRE(vfs.remove(name).ok());
    for (const auto& [name, bytes] : files) {
      REQUIRE(vfs.open(name, Vfs::Mode::create).ok());
      vfs.bytes(name) = bytes;
    }
    listener.lost_.clear();
  }
  // Opens what is there: how many messages are gone. Nothing may be other than it was.
  uint64_t missing() {
    auto opened = FileStore::open(vfs, clock, listener, options);
    if (!opened) return ~uint64_t{0};
    store = std::move(opened).value();
    uint64_t gone = 0;
    for (const auto& [seq, payload] : payloads) {
      auto message = store->read(id, seq);
      if (message)
        CHECK(message.value().payload == payload);
      else
        ++gone;
    }
    settle();
    if (gone == 0) CHECK(listener.lost_.empty());
    return gone;
  }
};

TEST_CASE("any flipped bit costs at most one message, which is told, and no sequence comes twice") {
  for (const bool closed : {true, false}) {
    Reference reference(closed);
    std::mt19937_64 random(closed);
    for (const auto& file : reference.files) {
      const auto& name = file.first;  // clang's lambdas cannot take a structured binding
      const auto& bytes = file.second;
      const size_t used = bytes.find_last_not_of('\0') + 40;
      for (int i = 0; i < 400; ++i) {
        const size_t bit = random() % (std::min(used, bytes.size()) * 8 + 1);
        reference.restore();
        std::string& there = reference.vfs.bytes(name);
        if (bit / 8 >= there.size()) continue;
        there[bit / 8] = static_cast<char>(there[bit / 8] ^ (1 << bit % 8));
        const uint64_t gone = reference.missing();
        REQUIRE_MESSAGE(gone <= 1, name << " bit " << bit << ": " << gone);
        if (gone == 1) CHECK_MESSAGE(!reference.listener.lost_.empty(), name << " bit " << bit);
        CHECK(reference.append("s.0").value().seq > 12);
      }
    }
  }
}

TEST_CASE(
    "without checksums some flipped bit is read as another message, so the flips prove something") {
  Reference reference(false);
  reference.options.verify = false;
  uint64_t other = 0;
  for (const auto& [name, bytes] : reference.files) {
    const size_t at = bytes.find("payload 5");
    if (at == std::string::npos) continue;
    reference.restore();
    reference.vfs.bytes(name)[at] ^= 1;
    reference.open();
    other += reference.store->read(reference.id, 5).value().payload != "payload 5";
  }
  CHECK(other == 1);
}

TEST_CASE("a tail cut at any byte keeps what is in front, and no sequence comes twice") {
  Reference reference(false);
  for (const auto& [name, bytes] : reference.files) {
    if (bytes.find("payload 12") == std::string::npos) continue;
    const size_t end = bytes.find("payload 12") + 20, start = bytes.find("payload 9");
    for (size_t cut = start; cut < end; ++cut) {
      reference.restore();
      reference.vfs.bytes(name).resize(cut);
      CHECK(reference.missing() <= 4);
      CHECK(reference.store->recovery().damaged_tail);
      CHECK(reference.append("s.0").value().seq > 12);
    }
  }
}

// A store whose last batch is long and as it is right before it is acknowledged, as files.
struct LongBatch : Fixture {
  static constexpr uint64_t kBefore = 10, kPage = 4096;
  std::map<std::string, std::string> files;
  std::string segment;  // its name
  uint64_t batch = 0, end = 0, last_record = 0, last_seq = 0;

  explicit LongBatch(const std::function<void(LongBatch&)>& fill) {
    options.segment_bytes = 512u << 10;
    store.reset();
    for (const std::string& name : vfs.names()) REQUIRE(vfs.remove(name).ok());
    open();
    make({});
    for (uint64_t seq = 1; seq <= kBefore; ++seq) {
      REQUIRE(append("s", "payload").ok());
      settle();
    }
    fill(*this);
    settle();
    last_seq = store->state(id).value().last_seq;
    store.reset();
    vfs.kill();
    for (const std::string& name : vfs.names()) {
      files[name] = vfs.bytes(name);
      if (name.ends_with(".seg")) segment = std::max(segment, name);
    }
    const std::string& bytes = files.at(segment);
    batch = bytes.rfind("PBAT");
    last_record = bytes.rfind("PREC");
    end = bytes.find_last_not_of('\0') + 1;
    REQUIRE(end > batch + 2 * kPage);
  }
  // The files again, with `tail` instead of what stands from `from` on.
  std::string& restore(uint64_t from, std::string_view tail) {
    store.reset();
    vfs.kill();
    for (const std::string& name : vfs.names())
      if (!files.contains(name)) REQUIRE(vfs.remove(name).ok());
    for (const auto& [name, bytes] : files) {
      REQUIRE(vfs.open(name, Vfs::Mode::create).ok());
      vfs.bytes(name) = bytes;
    }
    listener.lost_.clear();
    std::string& there = vfs.bytes(segment);
    there.replace(from, std::string::npos, tail.substr(from, there.size() - from));
    return there;
  }
  std::string zeros() const { return std::string(files.at(segment).size(), '\0'); }
  std::string older_life() const {
    std::string bytes;
    while (bytes.size() < files.at(segment).size()) {
      Record record;
      record.stream = 3;
      record.batch = 77;
      record.seq = 1000 + bytes.size();
      record.subject = "old";
      record.payload = "what nobody wants any more";
      write_record(bytes, record, 99, bytes.size());
    }
    return bytes;
  }
};

void append_many(LongBatch& store) {
  for (int i = 0; i < 60; ++i) REQUIRE(store.append("s", std::string(300, 'x')).ok());
}
void append_large(LongBatch& store) { REQUIRE(store.append("s", std::string(20'000, 'x')).ok()); }

TEST_CASE("what a kill cuts is not lost, and the next sequence is the next") {
  for (const auto& fill : {append_many, append_large}) {
    LongBatch cut(fill);
    for (const std::string& behind : {cut.zeros(), cut.older_life()}) {
      uint64_t whole = LongBatch::kBefore;
      for (uint64_t page = (cut.batch / cut.kPage + 1) * cut.kPage; page < cut.end;
           page += cut.kPage) {
        cut.restore(page, behind);
        cut.open();
        cut.settle();
        CHECK(cut.store->recovery().cut_batch);
        CHECK_FALSE(cut.store->recovery().damaged_tail);
        CHECK(cut.listener.lost_.empty());
        CHECK(cut.store->lost(cut.id).value().empty());
        const StreamState state = cut.store->state(cut.id).value();
        CHECK(state.messages == state.last_seq);
        CHECK(state.last_seq >= whole);
        CHECK(state.last_seq < cut.last_seq);
        whole = state.last_seq;
        for (uint64_t seq = 1; seq <= whole; ++seq) CHECK(cut.store->read(cut.id, seq).ok());
        CHECK(cut.append("s").value().seq == whole + 1);
        cut.settle();
        // It stays so: nobody finds the rest of it later.
        REQUIRE(cut.store->close().ok());
        cut.open();
        cut.settle();
        CHECK(cut.store->state(cut.id).value().messages == whole + 1);
        CHECK(cut.store->read(cut.id, whole + 1).value().payload == "p");
        CHECK(cut.listener.lost_.empty());
      }
    }
  }
}

TEST_CASE("a kill's cut is found where its place holds the same as before") {
  // Records whose padding, or the end of whose payload, begins a page.
  for (const size_t size : {300, 303, 311, 356}) {
    LongBatch cut([size](LongBatch& store) {
      for (int i = 0; i < 600; ++i) REQUIRE(store.append("s", std::string(size, 'x')).ok());
    });
    // The same messages, some numbers ago, in a batch of the same number.
    const std::string& now = cut.files.at(cut.segment);
    std::string before = now.substr(0, cut.batch + kBatchHeader);
    for (uint64_t seq = 1; before.size() < cut.end; ++seq) {
      const auto parsed =
          read_record_header(std::as_bytes(std::span(now)).subspan(before.size()), 0, 0, false);
      Record record = parsed->record;
      const std::string payload(size, 'x');
      record.seq = seq;
      record.prev_seq = seq - 1;
      record.subject = "s";
      record.payload = payload;
      write_record(before, record, 99, before.size());
    }
    before.resize(now.size());
    for (const std::string& behind : {cut.zeros(), before}) {
      for (uint64_t page = (cut.batch / cut.kPage + 1) * cut.kPage; page < cut.last_record;
           page += cut.kPage) {
        cut.restore(page, behind);
        cut.open();
        cut.settle();
        CHECK(cut.store->recovery().cut_batch);
        CHECK_FALSE(cut.store->recovery().damaged_tail);
        CHECK(cut.listener.lost_.empty());
        const uint64_t whole = cut.messages();
        CHECK(cut.append("s").value().seq == whole + 1);
        cut.settle();
      }
    }
  }
}

TEST_CASE("of a group that a kill cuts nothing is there, and nothing is lost") {
  LongBatch cut([](LongBatch& store) {
    REQUIRE(store.append("s").ok());
    const std::string payload(500, 'x');
    const std::vector<NewMessage> group(40, NewMessage{"s", {}, payload});
    REQUIRE(store.store->append_all(store.id, group).ok());
  });
  for (uint64_t page = (cut.batch / cut.kPage + 1) * cut.kPage; page < cut.end; page += cut.kPage) {
    cut.restore(page, cut.zeros());
    cut.open();
    cut.settle();
    CHECK(cut.listener.lost_.empty());
    CHECK(cut.messages() == LongBatch::kBefore + 1);
    CHECK(cut.append("s").value().seq == LongBatch::kBefore + 2);
    cut.settle();
  }
}

TEST_CASE("a whole last batch that is damaged is told, and no sequence comes twice") {
  for (const auto& fill : {append_many, append_large}) {
    LongBatch whole(fill);
    for (const std::string& behind : {whole.zeros(), whole.older_life()}) {
      for (uint64_t at = whole.last_record; at < whole.end; at += 41) {
        std::string& there = whole.restore(aligned(whole.end), behind);
        there[at] = static_cast<char>(there[at] ^ 4);
        whole.open();
        whole.settle();
        CHECK(whole.store->recovery().damaged_tail);
        CHECK_FALSE(whole.store->recovery().cut_batch);
        CHECK(whole.listener.lost_ == std::vector<SequenceRange>{{whole.last_seq, whole.last_seq}});
        CHECK(whole.append("s").value().seq > whole.last_seq);
      }
      // Zeros where no page begins are no kill's either.
      for (uint64_t at = whole.batch + kBatchHeader + 100; at < whole.last_record; at += 999) {
        if (at % whole.kPage <= 64) continue;
        whole.restore(at, whole.zeros());
        whole.open();
        whole.settle();
        CHECK(whole.store->recovery().damaged_tail);
        CHECK_FALSE(whole.listener.lost_.empty());
        CHECK(whole.append("s").value().seq > whole.last_seq);
      }
    }
  }
}

TEST_CASE("a last batch that is cut since the machine was started again counts as damaged") {
  LongBatch cut(append_many);
  cut.restore((cut.batch / cut.kPage + 2) * cut.kPage, cut.zeros());
  cut.vfs.reboot();
  cut.open();
  cut.settle();
  CHECK(cut.store->recovery().damaged_tail);
  CHECK_FALSE(cut.listener.lost_.empty());
  CHECK(cut.append("s").value().seq > cut.last_seq);
}

TEST_CASE("a file emptied, removed, swapped or stale never makes a wrong read") {
  for (const bool closed : {true, false}) {
    Reference reference(closed);
    for (const auto& [name, bytes] : reference.files) {
      for (const auto& [other, other_bytes] : reference.files) {
        reference.restore();
        reference.vfs.bytes(name) = other_bytes;
        (void)reference.missing();
      }
      reference.restore();
      reference.vfs.bytes(name).assign(bytes.size(), '\0');
      (void)reference.missing();
      reference.restore();
      REQUIRE(reference.vfs.remove(name).ok());
      (void)reference.missing();
    }
  }
}

TEST_CASE("both copies of the checkpoint gone is an error, and nothing is deleted") {
  Reference reference(true);
  reference.restore();
  REQUIRE(reference.vfs.remove("checkpoint.a").ok());
  REQUIRE(reference.vfs.remove("checkpoint.b").ok());
  const auto before = reference.vfs.names();
  CHECK(reference.missing() == ~uint64_t{0});
  CHECK(reference.vfs.names() == before);
}

TEST_CASE("many threads append to a real directory, and all of it is there after a kill") {
  test::TempDir dir;
  PosixClock clock;
  struct Waiter final : StoreListener {
    void written(Ticket) override {}
    void durable(Ticket through) override {
      const std::lock_guard lock(mutex);
      last = through;
      changed.notify_all();
    }
    void failed(Ticket, Ticket, const Error&) override {}
    void lost(StreamId, SequenceRange) override {}
    std::mutex mutex;
    std::condition_variable changed;
    Ticket last = 0;
  } listener;
  std::vector<StreamId> ids(3);
  FileStoreOptions options;
  options.segment_bytes = 256u << 10;
  {
    auto vfs = PosixVfs::open_directory(dir.path().string());
    REQUIRE(vfs.ok());
    auto store = FileStore::open(*vfs.value(), clock, listener, options);
    REQUIRE(store.ok());
    StoreThread thread(*store.value(), ~uint64_t{0}, 1);
    for (StreamId& id : ids)
      REQUIRE(store.value()->create_stream("S" + std::to_string(&id - ids.data()), {}, 1, id).ok());
    std::vector<std::thread> writers;
    for (const StreamId id : ids)
      writers.emplace_back([&store, id] {
        for (int i = 1; i <= 2000; ++i) {
          (void)store.value()->append(id,
                                      {"s." + std::to_string(i % 50), {}, std::to_string(i), 0});
          if (i % 100 == 0)
            (void)store.value()->next(id, {"s.1", {}}, static_cast<uint64_t>(i) / 2);
        }
      });
    for (std::thread& writer : writers) writer.join();
    const Ticket all = store.value()->append(ids[0], {"end", {}, "end", 0}).value().ticket;
    std::unique_lock lock(listener.mutex);
    listener.changed.wait(lock, [&] { return listener.last >= all; });
  }
  auto vfs = PosixVfs::open_directory(dir.path().string());
  auto store = FileStore::open(*vfs.value(), clock, listener, options);
  REQUIRE(store.ok());
  for (const StreamId id : ids)
    for (uint64_t seq = 1; seq <= 2000; ++seq)
      REQUIRE(store.value()->read(id, seq).value().payload == std::to_string(seq));
}

}  // namespace
}  // namespace pipit::js::store
