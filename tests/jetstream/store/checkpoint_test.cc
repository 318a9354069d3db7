// Proves that a save of the checkpoint leaves the old or the new one whatever call the power goes
// at; that one damaged copy costs nothing and two are refused; that later versions are refused; and
// that a State is read back as it was written.
#include "jetstream/store/checkpoint.h"

#include <doctest/doctest.h>

#include "jetstream/store/state.h"
#include "tests/sim/sim_vfs.h"

namespace pipit::js::store {
namespace {

using sim::SimVfs;

TEST_CASE("the power going at any call of a save leaves the old or the new checkpoint") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    for (uint64_t call = 1;; ++call) {
      SimVfs vfs(seed * 1000 + call);
      REQUIRE(save_checkpoint(vfs, {1, "the old one"}).ok());
      const uint64_t before = vfs.calls();
      vfs.strike(before + call, SimVfs::Fault::off);
      const bool saved = save_checkpoint(vfs, {2, std::string(5000, 'n')}).ok();
      vfs.power_cut();
      auto loaded = load_checkpoint(vfs);
      REQUIRE_MESSAGE(loaded.ok(), "seed " << seed << " call " << call);
      REQUIRE(loaded.value().checkpoint);
      const Checkpoint& found = *loaded.value().checkpoint;
      CHECK(found.body == (found.generation == 1 ? "the old one" : std::string(5000, 'n')));
      if (saved) CHECK(found.generation == 2);
      if (saved) break;
    }
  }
}

TEST_CASE("one damaged copy costs nothing, two are refused and left as they are") {
  SimVfs vfs(1);
  REQUIRE(save_checkpoint(vfs, {3, "body"}).ok());
  const std::string good = vfs.bytes("checkpoint.a");
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    vfs.bytes("checkpoint.a") = good;
    char& byte = vfs.bytes("checkpoint.a")[bit / 8];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    auto loaded = load_checkpoint(vfs);
    REQUIRE(loaded.ok());
    CHECK(loaded.value().damaged == 1);
    CHECK(loaded.value().checkpoint->body == "body");
  }
  vfs.bytes("checkpoint.b").resize(10);
  CHECK_FALSE(load_checkpoint(vfs).ok());
  CHECK(vfs.bytes("checkpoint.b").size() == 10);
}

TEST_CASE("a checkpoint of a later version is refused with a message") {
  SimVfs vfs(1);
  REQUIRE(save_checkpoint(vfs, {3, "body"}).ok());
  std::string& bytes = vfs.bytes("checkpoint.b");
  put(bytes.data() + 4, uint32_t{kFormatVersion + 1});
  put(bytes.data() + 32, checksum(std::as_bytes(std::span(bytes)).first(32)));
  auto loaded = load_checkpoint(vfs);
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().text.find("later version") != std::string::npos);
}

Result<std::shared_ptr<Index>> no_index(const Part&, StreamId, Patience) {
  return Error{Errc::io, 0, "test", "not here"};
}

TEST_CASE("a state is read back as it was written, and no prefix of it is accepted") {
  State state(no_index);
  state.roll(std::make_shared<Segment>(Segment{.id = 5, .key = 77, .capacity = 4096}), nullptr);
  Record record;
  record.kind = RecordKind::stream_put;
  record.stream = 2;
  record.subject = "ORDERS";
  StreamSettings settings;
  settings.max_msgs = 9;
  settings.async = true;
  settings.config = "{}";
  const std::string encoded = encode_settings(settings);
  record.payload = encoded;
  REQUIRE(state.apply(record, 64, true, nullptr).ok());
  for (uint64_t seq = 1; seq <= 100; ++seq) {
    Record message;
    message.stream = 2;
    message.seq = seq;
    message.prev_seq = seq - 1;
    message.subject = "a.b";
    message.evicts = seq > 3 && seq % 2 == 0 ? seq - 1 : 0;
    REQUIRE(state.apply(message, 100 + seq, true, nullptr).ok());
  }
  state.lose(*state.find(2), {101, 104});
  state.find(2)->last_seq = 104;
  state.roll(std::make_shared<Segment>(Segment{.id = 6, .key = 78, .capacity = 8192}), nullptr);

  const std::string bytes = state.encode(0);
  State read(no_index);
  REQUIRE(read.decode(bytes).ok());
  CHECK(read.encode(0) == bytes);
  const Stream& stream = *read.find(2);
  CHECK(stream.name == "ORDERS");
  CHECK(stream.settings.max_msgs == 9);
  CHECK(stream.settings.async);
  CHECK(stream.messages == state.find(2)->messages);
  CHECK(stream.lost == std::vector<SequenceRange>{{101, 104}});
  CHECK(stream.reserved_seq >= 104 + 8192 / kRecordHeader);
  CHECK(read.segments.size() == 2);
  CHECK(read.next_segment == 7);
  for (size_t size = 0; size < bytes.size(); ++size) {
    State part(no_index);
    CHECK_FALSE(part.decode(std::string_view(bytes).substr(0, size)).ok());
  }
}

}  // namespace
}  // namespace pipit::js::store
