// Proves that check() calls a store sound that is, finds a flipped bit wherever one costs
// something, changes nothing unless asked, and that what it repaired opens with all that was good.
#include "jetstream/store/check.h"

#include <map>

#include <doctest/doctest.h>

#include "jetstream/store/file_store.h"
#include "tests/sim/sim_vfs.h"

namespace pipit::js::store {
namespace {

struct Listener final : StoreListener {
  void written(Ticket) override {}
  void durable(Ticket) override {}
  void failed(Ticket, Ticket, const Error&) override {}
  void lost(StreamId, SequenceRange) override {}
};

struct Fixture {
  sim::SimVfs vfs{3};
  sim::SimClock clock;
  Listener listener;
  std::map<std::string, std::string> files;

  Fixture() {
    auto store = open();
    StreamId id = 0;
    REQUIRE(store->create_stream("S", {}, 1, id).ok());
    for (int i = 1; i <= 20; ++i)
      REQUIRE(store->append(id, {"s", {}, "payload " + std::to_string(i)}).ok());
    REQUIRE(store->remove(id, {3, 5}, true).ok());
    REQUIRE(store->close().ok());
    vfs.kill();
    for (const std::string& name : vfs.names()) files[name] = vfs.bytes(name);
  }
  std::unique_ptr<FileStore> open() {
    FileStoreOptions options;
    options.segment_bytes = 64u << 10;
    auto opened = FileStore::open(vfs, clock, listener, options);
    REQUIRE(opened.ok());
    return std::move(opened).value();
  }
  void restore() {
    vfs.kill();
    for (const std::string& name : vfs.names())
      if (!files.contains(name)) REQUIRE(vfs.remove(name).ok());
    for (const auto& [name, bytes] : files) {
      REQUIRE(vfs.open(name, Vfs::Mode::create).ok());
      vfs.bytes(name) = bytes;
    }
  }
  uint64_t readable() {
    auto store = open();
    uint64_t count = 0;
    for (uint64_t seq = 1; seq <= 20; ++seq) {
      auto message = store->read(1, seq);
      if (message) CHECK(message.value().payload == "payload " + std::to_string(seq));
      count += message.ok();
    }
    return count;
  }
};

TEST_CASE_FIXTURE(Fixture, "a store that was closed is sound, and checking leaves it as it is") {
  auto report = check(vfs, false);
  REQUIRE(report.ok());
  CHECK(report.value().sound());
  CHECK(report.value().streams == 1);
  CHECK(report.value().messages >= 17);
  REQUIRE(check(vfs, true).ok());
  for (const auto& [name, bytes] : files) CHECK(vfs.bytes(name) == bytes);
  CHECK(readable() == 17);
}

TEST_CASE_FIXTURE(Fixture, "a flipped bit is found, and repaired costs at most its message") {
  uint64_t found = 0, lost = 0;
  for (const auto& [name, bytes] : files) {
    const size_t used = std::min(bytes.size(), bytes.find_last_not_of('\0') + 40);
    for (size_t bit = 5; bit < used * 8; bit += 131) {
      restore();
      char& byte = vfs.bytes(name)[bit / 8];
      byte = static_cast<char>(byte ^ (1 << bit % 8));
      const std::string damaged = vfs.bytes(name);
      auto looked = check(vfs, false);
      CHECK(vfs.bytes(name) == damaged);
      REQUIRE_MESSAGE(looked.ok(), name << " bit " << bit);
      const bool was_sound = looked.value().sound();
      found += !was_sound;
      auto repaired = check(vfs, true);
      REQUIRE(repaired.ok());
      const uint64_t left = readable();
      CHECK_MESSAGE(left >= 16, name << " bit " << bit);
      if (left < 17) CHECK_MESSAGE(!was_sound, name << " bit " << bit);
      lost += left < 17;
      vfs.kill();
    }
  }
  CHECK(found > 30);
  CHECK(lost > 5);
}

TEST_CASE_FIXTURE(Fixture, "what is repaired is sound, and tells what was lost") {
  restore();
  for (const auto& [name, bytes] : files)
    if (const size_t at = bytes.find("payload 7"); at != std::string::npos)
      vfs.bytes(name)[at] ^= 1;
  vfs.bytes("checkpoint.a")[50] ^= 1;
  for (const auto& [name, bytes] : files)
    if (name.ends_with(".idx")) REQUIRE(vfs.remove(name).ok());
  CHECK_FALSE(check(vfs, false).value().sound());
  auto repaired = check(vfs, true);
  REQUIRE(repaired.ok());
  CHECK(repaired.value().sound());
  CHECK(check(vfs, false).value().sound());
  CHECK(readable() == 16);
  vfs.kill();
  auto store = open();
  CHECK(store->lost(1).value() == std::vector<SequenceRange>{{7, 7}});
}

TEST_CASE_FIXTURE(Fixture, "without a good checkpoint nothing is touched") {
  vfs.bytes("checkpoint.a")[50] ^= 1;
  vfs.bytes("checkpoint.b")[50] ^= 1;
  const auto names = vfs.names();
  CHECK(check(vfs, true).error().code == Errc::io);
  CHECK(vfs.names() == names);
}

}  // namespace
}  // namespace pipit::js::store
