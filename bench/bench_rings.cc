// What an item costs in a ring between two reactors: in batches on one thread (the bare work), and
// across two threads (the cache lines that move), for batches as a loop turn publishes them.
#include <benchmark/benchmark.h>

#include <atomic>
#include <thread>

#include "transport/slab.h"
#include "transport/spsc_ring.h"

namespace {

using namespace pipit::net;

// About what a delivery to another reactor carries.
struct Item {
  const void* result = nullptr;
  SlabRef payload;
  uint32_t first = 0, count = 0, offset = 0, size = 0;
};

constexpr uint32_t kCapacity = 4096;

void same_thread(benchmark::State& state) {
  SpscRing<Item> ring(kCapacity);
  auto batch = static_cast<uint32_t>(state.range(0));
  uint64_t sum = 0;
  for (auto _ : state) {
    for (uint32_t i = 0; i < batch; ++i) {
      Item item;
      item.size = i;
      ring.push(std::move(item));
    }
    ring.publish();
    while (Item* item = ring.front()) {
      sum += item->size;
      ring.pop();
    }
  }
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(same_thread)->Arg(1)->Arg(64)->Arg(1024);

// The measured thread produces, another one consumes; both yield when they have to wait, so that
// the figure means something on a shared machine too. Judge by items per second.
void cross_thread(benchmark::State& state) {
  SpscRing<Item> ring(kCapacity);
  auto batch = static_cast<uint32_t>(state.range(0));
  std::atomic<bool> over{false};
  uint64_t sum = 0;
  std::thread consumer([&] {
    while (true) {
      bool last = over.load(std::memory_order_acquire);  // set after the last publish()
      if (ring.front() == nullptr) {
        if (last) return;
        std::this_thread::yield();
        continue;
      }
      while (Item* item = ring.front()) {
        sum += item->size;
        ring.pop();
      }
    }
  });
  for (auto _ : state) {
    for (uint32_t i = 0; i < batch; ++i) {
      Item item;
      item.size = i;
      while (!ring.push(std::move(item))) {
        ring.publish();
        std::this_thread::yield();
      }
    }
    ring.publish();
  }
  over.store(true, std::memory_order_release);
  consumer.join();
  benchmark::DoNotOptimize(sum);
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(cross_thread)->Arg(1)->Arg(64)->Arg(1024)->UseRealTime();

// A read's life: a slab from the pool, a reference for another reactor, both given back.
void slab_cycle(benchmark::State& state) {
  SlabPool pool;
  for (auto _ : state) {
    SlabRef slab = pool.make();
    SlabRef shared = slab.share();
    benchmark::DoNotOptimize(shared.bytes());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(slab_cycle);

}  // namespace

BENCHMARK_MAIN();
