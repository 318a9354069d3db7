// Proves that Outbound sends exactly what was put into it, in order, however little the stream takes
// at a time and however text and slices alternate; and that it owns nothing once that is sent. The
// oracle is a plain string.
#include "server/outbound.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "server/identity.h"
#include "transport/memory_stream.h"

using namespace pipit;

namespace {

std::string pattern(Random& random, size_t size) {
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random.below(26));
  return text;
}

// A slab filled with bytes to slice.
net::SlabRef filled_slab(net::SlabPool& pool, Random& random) {
  net::SlabRef slab = pool.make();
  const std::string text = pattern(random, slab.capacity());
  std::memcpy(slab.bytes(), text.data(), text.size());
  return slab;
}

std::string_view text_of(const net::SlabRef& slab) {
  return {reinterpret_cast<const char*>(slab.bytes()), slab.capacity()};
}

}  // namespace

TEST_CASE("text and slices leave in the order in which they came") {
  ChunkPool pool;
  net::SlabPool slabs;
  Random random(1);
  net::SlabRef slab = filled_slab(slabs, random);
  net::MemoryStream stream;
  Outbound out;
  CHECK(out.empty());
  CHECK(out.flush(stream, pool));
  out.append("MSG a 1 600\r\n", pool);
  out.slice(slab, text_of(slab).substr(100, 600), pool);
  out.append("\r\n", pool);
  out.append("PONG\r\n", pool);
  out.append("", pool);
  out.slice(slab, "", pool);
  CHECK(out.pending() == 13 + 600 + 2 + 6);
  CHECK(stream.written().empty());
  CHECK(out.flush(stream, pool));
  CHECK(out.empty());
  CHECK(stream.written() ==
        "MSG a 1 600\r\n" + std::string(text_of(slab).substr(100, 600)) + "\r\nPONG\r\n");
}

TEST_CASE("what little of each slab would pin more than is pending is copied") {
  ChunkPool pool;
  net::SlabPool slabs;
  net::MemoryStream stream;
  Outbound out;
  size_t sliced = 0;
  const auto put = [&](const net::SlabRef& slab, std::string_view data) {
    if (out.better_copied(slab, data.size())) return out.append(data, pool);
    ++sliced;
    out.slice(slab, data, pool);
  };
  const auto some_of = [](const net::SlabRef& slab) {
    std::memset(slab.bytes(), 'x', slab.capacity());
    return text_of(slab).substr(0, 3000);
  };
  for (int i = 0; i < 1000; ++i) {
    const net::SlabRef slab = slabs.make();
    put(slab, some_of(slab));
  }
  CHECK(sliced > 0);
  CHECK(sliced * net::SlabPool::kStandard <= 2 * out.pending());
  // More of a slab that is held anyway, and slabs in whole, are sliced however many there are.
  sliced = 0;
  for (int i = 0; i < 100; ++i) {
    const net::SlabRef slab = slabs.make();
    some_of(slab);
    put(slab, text_of(slab));
    put(slab, text_of(slab).substr(1));
  }
  CHECK(sliced == 200);
  stream.allow(out.pending() - 10);
  CHECK_FALSE(out.flush(stream, pool));
  const net::SlabRef next = slabs.make();
  CHECK_FALSE(out.better_copied(next, 3000));  // what is sent pins nothing
}

TEST_CASE("a slab is held exactly as long as a slice of it is pending") {
  ChunkPool pool;
  net::SlabPool slabs;
  Random random(2);
  net::SlabRef slab = filled_slab(slabs, random);
  net::MemoryStream stream;
  Outbound out;
  out.slice(slab, text_of(slab).substr(0, 1000), pool);
  out.append("x", pool);
  CHECK_FALSE(slab.unique());
  stream.allow(999);
  CHECK_FALSE(out.flush(stream, pool));
  CHECK_FALSE(slab.unique());
  stream.allow(1);
  CHECK_FALSE(out.flush(stream, pool));
  CHECK(slab.unique());
  CHECK(out.pending() == 1);
  out.slice(slab, text_of(slab).substr(5, 50), pool);
  CHECK_FALSE(slab.unique());
  out.clear(pool);
  CHECK(slab.unique());
  CHECK(out.empty());
}

TEST_CASE("room that is only partly used leaves no gap") {
  ChunkPool pool;
  net::MemoryStream stream;
  Outbound out;
  std::string expected;
  for (size_t i = 0; i < 300; ++i) {
    const std::string text = std::to_string(i) + ";";
    char* room = out.room(100, pool);
    std::memset(room, '!', 100);
    std::memcpy(room, text.data(), text.size());
    out.commit(text.size());
    expected += text;
  }
  CHECK(out.pending() == expected.size());
  CHECK(out.flush(stream, pool));
  CHECK(stream.written() == expected);
}

TEST_CASE("room asked for and not used does not stay in the way") {
  ChunkPool pool;
  net::MemoryStream stream;
  Outbound out;
  out.room(1000, pool);
  out.room(5000, pool);
  out.append("after", pool);
  CHECK(out.flush(stream, pool));
  CHECK(stream.written() == "after");
}

TEST_CASE("more than a chunk holds is one piece all the same") {
  ChunkPool pool;
  Random random(3);
  net::MemoryStream stream;
  Outbound out;
  const std::string big = pattern(random, 200'000);
  out.append("small", pool);
  out.append(big, pool);
  out.append("small", pool);
  CHECK(out.flush(stream, pool));
  CHECK(stream.written() == "small" + big + "small");
}

TEST_CASE("more parts than one sendmsg takes are sent by one flush") {
  ChunkPool pool;
  net::SlabPool slabs;
  Random random(4);
  net::SlabRef slab = filled_slab(slabs, random);
  net::MemoryStream stream;
  Outbound out;
  std::string expected;
  for (size_t i = 0; i < 5000; ++i) {
    out.slice(slab, text_of(slab).substr(i, 3), pool);
    out.append(",", pool);
    expected.append(text_of(slab).substr(i, 3)).append(",");
  }
  CHECK(out.flush(stream, pool));
  CHECK(stream.written() == expected);
  CHECK(slab.unique());
}

TEST_CASE("any mixture of calls equals a string, with a reader of any speed") {
  net::SlabPool slabs;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    ChunkPool pool;
    net::MemoryStream stream;
    Outbound out;
    std::vector<net::SlabRef> slab;
    for (int i = 0; i < 3; ++i) slab.push_back(filled_slab(slabs, random));
    std::string expected;
    for (int step = 0; step < 3000; ++step) {
      switch (random.below(8)) {
        case 0: {
          const net::SlabRef& from = slab[random.below(slab.size())];
          const size_t size = random.below(random.below(20) == 0 ? 60'000 : 900);
          const std::string_view data = text_of(from).substr(random.below(5'000), size);
          out.slice(from, data, pool);
          expected += data;
          break;
        }
        case 1: {
          const std::string text = pattern(random, random.below(random.below(50) == 0 ? 100'000 : 600));
          out.append(text, pool);
          expected += text;
          break;
        }
        case 2: {
          const size_t asked = 1 + random.below(2000);
          const size_t used = random.below(asked + 1);
          const std::string text = pattern(random, used);
          char* room = out.room(asked, pool);
          std::memcpy(room, text.data(), used);
          if (used > 0) out.commit(used);
          expected += text;
          break;
        }
        case 3: stream.allow(random.below(3) == 0 ? random.below(40'000) : random.below(600)); break;
        default: {
          const bool all = out.flush(stream, pool);
          REQUIRE(all == out.empty());
          REQUIRE(expected.starts_with(stream.written()));
          REQUIRE(out.pending() == expected.size() - stream.written().size());
          if (expected.size() > 1'000'000) {  // keep the comparison cheap
            expected.erase(0, stream.written().size());
            stream.written().clear();
          }
        }
      }
    }
    stream.allow(SIZE_MAX);
    REQUIRE(out.flush(stream, pool));
    REQUIRE(stream.written() == expected);
    for (const net::SlabRef& each : slab) CHECK(each.unique());
  }
}

TEST_CASE("a queue cleared half sent starts anew without what it held") {
  ChunkPool pool;
  net::MemoryStream stream;
  Outbound out;
  for (int i = 0; i < 100; ++i) out.append(std::string(300, 'x'), pool);
  stream.allow(10'001);
  CHECK_FALSE(out.flush(stream, pool));
  out.clear(pool);
  CHECK(out.empty());
  stream.written().clear();
  stream.allow(SIZE_MAX);
  out.append("new", pool);
  CHECK(out.flush(stream, pool));
  CHECK(stream.written() == "new");
}

TEST_CASE("chunks come back to the pool: the second round allocates from it") {
  ChunkPool pool;
  net::MemoryStream stream;
  Outbound out;
  char* first = out.room(10, pool);
  std::memcpy(first, "0123456789", 10);
  out.commit(10);
  CHECK(out.flush(stream, pool));
  CHECK(out.room(10, pool) == first);
  out.clear(pool);
}

TEST_CASE("an outbound that dies with bytes pending gives everything back") {
  net::SlabPool slabs;
  Random random(5);
  net::SlabRef slab = filled_slab(slabs, random);
  {
    ChunkPool pool;
    Outbound out;
    out.append("never sent", pool);
    out.slice(slab, text_of(slab).substr(0, 700), pool);
    CHECK_FALSE(slab.unique());
  }
  CHECK(slab.unique());
}
