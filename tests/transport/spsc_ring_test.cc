// Proves SpscRing: order, bounds, nothing visible before publish(), popped slots let go of what
// they held, and a producer and a consumer on two threads (under the thread sanitizer too).
#include "transport/spsc_ring.h"

#include <doctest/doctest.h>

#include <memory>
#include <thread>

using namespace pipit::net;

TEST_CASE("items come out in order, and only after publish") {
  SpscRing<int> ring(4);
  CHECK(ring.front() == nullptr);
  CHECK(ring.push(1));
  CHECK(ring.push(2));
  CHECK(ring.front() == nullptr);
  CHECK(ring.empty_seq_cst());
  CHECK(ring.publish());
  CHECK_FALSE(ring.publish());
  CHECK_FALSE(ring.empty_seq_cst());
  for (int expected : {1, 2}) {
    REQUIRE(ring.front() != nullptr);
    CHECK(*ring.front() == expected);
    ring.pop();
  }
  CHECK(ring.front() == nullptr);
  CHECK(ring.empty_seq_cst());
}

TEST_CASE("a full ring refuses and leaves the item alone") {
  SpscRing<std::unique_ptr<int>> ring(2);
  CHECK(ring.push(std::make_unique<int>(1)));
  CHECK(ring.push(std::make_unique<int>(2)));  // staged items take room as well
  auto third = std::make_unique<int>(3);
  CHECK_FALSE(ring.push(std::move(third)));
  REQUIRE(third != nullptr);  // NOLINT: untouched by contract
  ring.publish();
  CHECK(**ring.front() == 1);
  ring.pop();
  CHECK(ring.push(std::move(third)));
  CHECK_FALSE(ring.push(std::make_unique<int>(4)));
}

TEST_CASE("pop lets go of the item, and the ring of what was never taken") {
  auto counted = std::make_shared<int>(0);
  {
    SpscRing<std::shared_ptr<int>> ring(4);
    ring.push(std::shared_ptr(counted));
    ring.push(std::shared_ptr(counted));
    ring.publish();
    CHECK(counted.use_count() == 3);
    ring.pop();
    CHECK(counted.use_count() == 2);
  }
  CHECK(counted.use_count() == 1);
}

TEST_CASE("one thread fills, another drains: all of it, in order, for any batch") {
  struct Item {
    uint64_t number = 0;
    std::unique_ptr<uint64_t> check;
  };
  constexpr uint64_t kItems = 50'000;
  for (uint32_t capacity : {2u, 64u, 1024u}) {
    SpscRing<Item> ring(capacity);
    std::thread producer([&] {
      for (uint64_t i = 0; i < kItems; ++i) {
        Item item{i, std::make_unique<uint64_t>(~i)};
        while (!ring.push(std::move(item))) {
          ring.publish();
          std::this_thread::yield();
        }
        if (i % 7 == 0) ring.publish();
      }
      ring.publish();
    });
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < kItems;) {
      Item* item = ring.front();
      if (item == nullptr) {
        std::this_thread::yield();
        continue;
      }
      wrong += item->number != i || *item->check != ~i;
      ring.pop();
      ++i;
    }
    producer.join();
    CHECK(wrong == 0);
    CHECK(ring.empty_seq_cst());
  }
}
