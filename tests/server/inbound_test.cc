// Proves that Inbound and Parser together give the same operations however the bytes are cut, that
// what is unparsed survives pauses and other connections' reads, that a large payload is received
// where it stays, and that an idle connection owns nothing.
#include "server/inbound.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "protocol/parser.h"
#include "server/identity.h"

using namespace pipit;

namespace {

// What a connection does with its Inbound, without the rest of a connection.
class Reader {
 public:
  explicit Reader(ReadArea& area) : area_(area) {}

  // As many reads as the bytes need.
  void receive(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::span<std::byte> room = inbound_.alloc(area_);
      REQUIRE(!room.empty());
      const size_t n = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), n);
      bytes.remove_prefix(n);
      parse(inbound_.filled(n));
    }
  }
  void resume() {
    stop_after = SIZE_MAX;
    parse(inbound_.kept(area_));
  }

  std::vector<std::string> seen;
  size_t stop_after = SIZE_MAX;  // operations: as a connection that is held
  std::vector<net::SlabRef> held;  // of payloads, when `hold` asks for it
  std::vector<std::string_view> held_payloads;
  bool hold = false;
  size_t large_slabs = 0;

 private:
  void parse(std::string_view bytes) {
    size_t operation_size = 0;
    while (seen.size() < stop_after && !bytes.empty()) {
      const proto::Event event = parser_.next(bytes);
      if (event == proto::Event::need_more) break;
      if (event == proto::Event::payload_pending) {
        operation_size = parser_.operation_size();
        break;
      }
      REQUIRE(event != proto::Event::fault);
      note(event);
    }
    inbound_.keep(bytes, operation_size, area_);
  }
  void note(proto::Event event) {
    const proto::Args& args = parser_.args();
    switch (event) {
      case proto::Event::ping: seen.emplace_back("PING"); break;
      case proto::Event::sub:
        seen.push_back("SUB " + std::string(args.subject) + " " + std::string(args.sid));
        break;
      case proto::Event::pub: {
        seen.push_back("PUB " + std::string(args.subject) + " " + std::string(args.payload));
        // The views must lie in the slab that slices are counted on.
        const net::SlabRef& slab = inbound_.slab();
        const auto* begin = reinterpret_cast<const char*>(slab.bytes());
        CHECK(args.payload.data() >= begin);
        CHECK(args.payload.data() + args.payload.size() <= begin + slab.capacity());
        if (slab.capacity() != net::SlabPool::kStandard) ++large_slabs;
        if (hold && !args.payload.empty()) {
          held.push_back(slab.share());
          held_payloads.push_back(args.payload);
        }
        break;
      }
      default: FAIL("an operation that nobody sent");
    }
  }

  ReadArea& area_;
  Inbound inbound_;
  proto::Parser parser_;
};

struct Script {
  std::string bytes;
  std::vector<std::string> operations;

  void ping() {
    bytes += "PING\r\n";
    operations.emplace_back("PING");
  }
  void sub(const std::string& subject, const std::string& sid) {
    bytes += "SUB " + subject + " " + sid + "\r\n";
    operations.push_back("SUB " + subject + " " + sid);
  }
  void pub(const std::string& subject, const std::string& payload) {
    bytes += "PUB " + subject + " " + std::to_string(payload.size()) + "\r\n" + payload + "\r\n";
    operations.push_back("PUB " + subject + " " + payload);
  }
};

std::string payload_of(Random& random, size_t size) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>(random.below(256));
  return text;
}

Script random_script(Random& random, size_t operations) {
  Script script;
  for (size_t i = 0; i < operations; ++i) {
    switch (random.below(6)) {
      case 0: script.ping(); break;
      case 1: script.sub("s." + std::to_string(i), std::to_string(i)); break;
      case 2: script.pub("large", payload_of(random, random.below(200'000))); break;
      case 3: script.pub("middle", payload_of(random, 12'000 + random.below(10'000))); break;
      default: script.pub("small", payload_of(random, random.below(600))); break;
    }
  }
  return script;
}

}  // namespace

TEST_CASE("a cut at any byte gives the same operations") {
  Random random(1);
  Script script;
  script.ping();
  script.sub("foo.*", "12");
  script.pub("foo.bar", "hello\r\nPING\r\n");
  script.pub("empty", "");
  script.pub("foo", payload_of(random, 300));
  script.ping();
  net::SlabPool pool;
  ReadArea area(pool);
  for (size_t cut = 0; cut <= script.bytes.size(); ++cut) {
    Reader reader(area);
    reader.receive(std::string_view(script.bytes).substr(0, cut));
    reader.receive(std::string_view(script.bytes).substr(cut));
    REQUIRE(reader.seen == script.operations);
  }
}

TEST_CASE("one byte at a time, connections taking turns in one read area") {
  net::SlabPool pool;
  ReadArea area(pool);
  Script a, b;
  a.pub("a", "first");
  a.sub("a", "1");
  a.pub("a", "second");
  b.ping();
  b.pub("b", "other");
  b.pub("b", "bytes");
  Reader reader_a(area), reader_b(area);
  for (size_t i = 0; i < std::max(a.bytes.size(), b.bytes.size()); ++i) {
    if (i < a.bytes.size()) reader_a.receive(std::string_view(a.bytes).substr(i, 1));
    if (i < b.bytes.size()) reader_b.receive(std::string_view(b.bytes).substr(i, 1));
  }
  CHECK(reader_a.seen == a.operations);
  CHECK(reader_b.seen == b.operations);
}

TEST_CASE("random operations of all sizes in random pieces, three connections, payloads held") {
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    net::SlabPool pool;
    ReadArea area(pool);
    std::vector<Script> scripts;
    std::vector<Reader> readers;
    std::vector<std::string_view> left;
    for (int i = 0; i < 3; ++i) {
      scripts.push_back(random_script(random, 40));
      readers.emplace_back(area);
      readers.back().hold = i == 0;
    }
    for (const Script& script : scripts) left.emplace_back(script.bytes);
    while (!left[0].empty() || !left[1].empty() || !left[2].empty()) {
      const size_t i = random.below(3);
      const size_t piece = random.below(random.below(4) == 0 ? 100'000 : 3'000);
      readers[i].receive(left[i].substr(0, piece));
      left[i].remove_prefix(std::min(piece, left[i].size()));
    }
    for (size_t i = 0; i < 3; ++i) REQUIRE(readers[i].seen == scripts[i].operations);
    // Bytes that somebody holds are never overwritten by later reads.
    size_t at = 0;
    for (const std::string& operation : scripts[0].operations) {
      if (!operation.starts_with("PUB ")) continue;
      const std::string_view payload =
          std::string_view(operation).substr(operation.find(' ', 4) + 1);
      if (payload.empty()) continue;
      REQUIRE(at < readers[0].held_payloads.size());
      REQUIRE(readers[0].held_payloads[at] == payload);
      ++at;
    }
  }
}

TEST_CASE("parsing that stops anywhere goes on where it stopped") {
  Random random(3);
  const Script script = random_script(random, 30);
  net::SlabPool pool;
  ReadArea area(pool);
  for (size_t stop = 0; stop < script.operations.size(); ++stop) {
    Reader held(area), other(area);
    held.stop_after = stop;
    // A held connection does not read on, so the bytes come in one piece of at most one read.
    std::string_view bytes = script.bytes;
    while (!bytes.empty() && held.seen.size() < stop) {
      const size_t piece = std::min<size_t>(bytes.size(), 5'000);
      held.receive(bytes.substr(0, piece));
      bytes.remove_prefix(piece);
    }
    REQUIRE(held.seen.size() == stop);
    other.receive("PUB between 5\r\n#####\r\n");
    held.resume();
    held.receive(bytes);
    REQUIRE(held.seen == script.operations);
  }
}

TEST_CASE("a large payload is received into a slab of its own size") {
  Random random(4);
  net::SlabPool pool;
  ReadArea area(pool);
  Reader reader(area);
  Script script;
  script.pub("large", payload_of(random, 500'000));
  script.ping();
  script.pub("small", "x");
  reader.receive(std::string_view(script.bytes).substr(0, 40));  // the line and a little
  reader.receive(std::string_view(script.bytes).substr(40));
  CHECK(reader.seen == script.operations);
  CHECK(reader.large_slabs >= 1);
}

TEST_CASE("a control line that announces a large payload costs one slab, its own") {
  net::SlabPool pool;
  ReadArea area(pool);
  Inbound inbound;
  proto::Parser parser;
  const std::string_view line = "PUB a 1000000\r\n0123";
  const std::span<std::byte> room = inbound.alloc(area);
  std::memcpy(room.data(), line.data(), line.size());
  std::string_view bytes = inbound.filled(line.size());
  REQUIRE(parser.next(bytes) == proto::Event::payload_pending);
  const size_t operation_size = parser.operation_size();
  CHECK(operation_size == 15 + 1'000'000 + 2);
  inbound.keep(bytes, operation_size, area);
  // The rest is offered as one piece behind what is there, with room for the next line.
  const std::span<std::byte> rest = inbound.alloc(area);
  CHECK(rest.size() >= operation_size - line.size());
  CHECK(rest.size() < operation_size + 64 * 1024);
}

TEST_CASE("everything parsed: the next read starts at the front of the area, nothing is kept") {
  net::SlabPool pool;
  ReadArea area(pool);
  Inbound inbound;
  std::span<std::byte> room = inbound.alloc(area);
  std::byte* const front = room.data();
  CHECK(room.size() == net::SlabPool::kStandard);
  std::memcpy(room.data(), "PING\r\n", 6);
  inbound.filled(6);
  inbound.keep("", 0, area);
  room = inbound.alloc(area);
  CHECK(room.data() == front);
  CHECK(room.size() == net::SlabPool::kStandard);
  // And what is kept moves to the front, behind it the room is smaller by as much.
  std::memcpy(room.data(), "PING\r\nPI", 8);
  const std::string_view all = inbound.filled(8);
  inbound.keep(all.substr(6), 0, area);
  room = inbound.alloc(area);
  CHECK(room.data() == front + 2);
  CHECK(room.size() == net::SlabPool::kStandard - 2);
  std::memcpy(room.data(), "NG\r\n", 4);
  CHECK(inbound.filled(4) == "PING\r\n");
  inbound.clear();
  room = inbound.alloc(area);
  CHECK(room.data() == front);
}

TEST_CASE("the area is replaced while somebody holds bytes of it") {
  net::SlabPool pool;
  ReadArea area(pool);
  Inbound inbound;
  std::byte* const front = inbound.alloc(area).data();
  inbound.filled(10);
  net::SlabRef holder = inbound.slab().share();
  inbound.keep("", 0, area);
  CHECK(inbound.alloc(area).data() != front);
}
