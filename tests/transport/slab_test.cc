// Proves the life of slabs: counted, reused by their pool, safe when the last reference goes on
// another thread or after the pool. The thread sanitizer watches the concurrent ones.
#include "transport/slab.h"

#include <doctest/doctest.h>

#include <cstring>
#include <deque>
#include <memory>
#include <set>
#include <thread>
#include <vector>

using namespace pipit::net;

TEST_CASE("a slab has what was asked for and readable padding behind it") {
  SlabPool pool;
  for (uint32_t capacity : {1u, 100u, SlabPool::kStandard, 3u * 1024 * 1024}) {
    SlabRef slab = pool.make(capacity);
    REQUIRE(slab);
    CHECK(slab.capacity() >= capacity);
    std::memset(slab.bytes(), 0x5a, slab.capacity());
    CHECK(slab.bytes()[slab.capacity() + SlabPool::kPadding - 1] == std::byte{0});
    CHECK(slab.unique());
  }
}

TEST_CASE("references are counted") {
  SlabPool pool;
  SlabRef one = pool.make();
  SlabRef two = one.share();
  CHECK(two.bytes() == one.bytes());
  CHECK_FALSE(one.unique());
  SlabRef three = std::move(two);
  CHECK_FALSE(static_cast<bool>(two));  // NOLINT: moved-from is empty by contract
  three = SlabRef();
  CHECK(one.unique());
  one.reset();
  one.reset();
  CHECK_FALSE(static_cast<bool>(one));
  CHECK_FALSE(static_cast<bool>(one.share()));
}

TEST_CASE("a released slab is the next one made, also when another thread released it") {
  SlabPool pool;
  SlabRef slab = pool.make();
  const std::byte* address = slab.bytes();
  slab.reset();
  slab = pool.make();
  CHECK(slab.bytes() == address);
  std::thread([moved = std::move(slab)]() mutable { moved.reset(); }).join();
  slab = pool.make();
  CHECK(slab.bytes() == address);
  CHECK(slab.unique());
}

TEST_CASE("a pool keeps no more than its share") {
  SlabPool pool;
  auto batch = [&] {
    std::vector<SlabRef> slabs;
    for (uint32_t i = 0; i < 3 * SlabHome::kKept; ++i) slabs.push_back(pool.make());
    return slabs;
  };
  batch();
  std::set<const std::byte*> distinct;
  auto again = batch();
  for (const SlabRef& slab : again) distinct.insert(slab.bytes());
  CHECK(distinct.size() == 3 * SlabHome::kKept);
}

TEST_CASE("slabs may outlive their pool") {
  auto pool = std::make_unique<SlabPool>();
  SlabRef here = pool->make(), there = pool->make(), odd = pool->make(10);
  pool->make().reset();  // kept, then freed with the pool
  pool.reset();
  std::memset(here.bytes(), 1, here.capacity());
  std::thread([moved = std::move(there)]() mutable { moved.reset(); }).join();
}

TEST_CASE("slices released on many threads while the pool makes more and then dies") {
  constexpr int kThreads = 3, kSlabs = 400;
  auto pool = std::make_unique<SlabPool>();
  std::vector<std::deque<SlabRef>> shares(kThreads);
  std::vector<std::thread> threads;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < kSlabs / 4; ++i) {
      SlabRef slab = pool->make();
      REQUIRE(slab.unique());
      std::memset(slab.bytes(), i, 64);
      for (auto& share : shares) share.push_back(slab.share());
    }
    for (auto& share : shares) {
      threads.emplace_back([mine = std::exchange(share, {})]() mutable {
        unsigned sum = 0;
        while (!mine.empty()) {
          sum += static_cast<unsigned>(mine.front().bytes()[3]);
          mine.pop_front();
        }
        CHECK(sum == 4950);  // 0 + 1 + ... + 99
      });
    }
  }
  pool.reset();
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("what goes with a slab is released once, by its last reference") {
  int released = 0;
  SlabRef slab = make_slab(10, {[](void* n) { ++*static_cast<int*>(n); }, &released});
  CHECK(slab.capacity() == 10);
  SlabRef shared = slab.share();
  slab.reset();
  CHECK(released == 0);
  std::thread([other = std::move(shared)]() mutable { other.reset(); }).join();
  CHECK(released == 1);
}
