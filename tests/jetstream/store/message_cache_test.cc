// The cache gives back what it was given or nothing, in bounded memory.
#include "jetstream/store/message_cache.h"

#include <doctest/doctest.h>

namespace pipit::js::store {
namespace {

StoredMessage message(uint64_t seq, size_t size = 100) {
  return {seq, 5, "s", "", std::string(size, static_cast<char>('a' + seq % 26))};
}

TEST_CASE("what was kept is found, by its stream and sequence") {
  MessageCache cache(1u << 20);
  CHECK(cache.find(1, 7) == nullptr);
  cache.keep(1, message(7));
  REQUIRE(cache.find(1, 7) != nullptr);
  CHECK(cache.find(1, 7)->payload == message(7).payload);
  CHECK(cache.find(2, 7) == nullptr);
  CHECK(cache.find(1, 8) == nullptr);
}

TEST_CASE("large messages are not kept, and no more than there is room for") {
  MessageCache cache(64u << 10);
  cache.keep(1, message(1, 2000));
  CHECK(cache.find(1, 1) == nullptr);
  for (uint64_t seq = 1; seq <= 10'000; ++seq) cache.keep(1, message(seq));
  uint64_t kept = 0;
  for (uint64_t seq = 1; seq <= 10'000; ++seq) {
    const StoredMessage* const found = cache.find(1, seq);
    if (found == nullptr) continue;
    CHECK(found->payload == message(seq).payload);
    ++kept;
  }
  CHECK(kept > 0);
  CHECK(kept <= 64);
  CHECK(cache.find(1, 10'000) != nullptr);
}

TEST_CASE("what is asked for again and again stays") {
  MessageCache cache(64u << 10);
  cache.keep(1, message(1));
  for (uint64_t seq = 2; seq <= 10'000; ++seq) {
    cache.keep(1, message(seq));
    for (int i = 0; i < 4; ++i) REQUIRE(cache.find(1, 1) != nullptr);
  }
}

TEST_CASE("clear() forgets, and says that it did") {
  MessageCache cache(64u << 10);
  cache.keep(1, message(1));
  const uint64_t before = cache.clears();
  cache.clear();
  CHECK(cache.find(1, 1) == nullptr);
  CHECK(cache.clears() != before);
}

TEST_CASE("without room nothing is kept") {
  MessageCache cache(0);
  cache.keep(1, message(1));
  CHECK(cache.find(1, 1) == nullptr);
}

}  // namespace
}  // namespace pipit::js::store
