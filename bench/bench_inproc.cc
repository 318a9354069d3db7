// What a message costs between two clients in the process. Driven by the caller: publish and callback
// on one thread, `batch` messages a poll(). Own threads: the publishing thread's cost until flush()
// says that every callback has run.
#include <benchmark/benchmark.h>

#include <string>

#include "pipit/server.h"

namespace {

using namespace pipit;

struct World {
  explicit World(uint32_t reactors) {
    Options options;
    options.dont_listen = true;
    options.reactors = reactors;
    server = Server::create(std::move(options)).value().release();
    started = server->start().ok();
    sender = server->connect().value().release();
    receiver = server->connect().value().release();
    sub = receiver->subscribe("bench.subject", "", [this](const MessageView& message) {
      ++got;
      bytes += message.payload.size();
    }).value();
  }
  ~World() {
    sub.close();
    delete receiver;
    delete sender;
    delete server;
  }

  Server* server;
  Client* sender;
  Client* receiver;
  Subscription sub;
  bool started = false;
  uint64_t got = 0, bytes = 0;
};

void caller_driven(benchmark::State& state) {
  World world(0);
  const std::string payload(static_cast<size_t>(state.range(0)), 'x');
  const auto batch = state.range(1);
  uint64_t sent = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < batch; ++i)
      sent += world.sender->publish("bench.subject", payload).ok() ? 1 : 0;
    (void)world.server->poll();
  }
  while (world.got < sent) (void)world.server->poll();
  if (world.got != static_cast<uint64_t>(state.iterations() * batch)) state.SkipWithError("lost");
  state.SetItemsProcessed(state.iterations() * batch);
}
BENCHMARK(caller_driven)->Args({128, 1})->Args({128, 16})->Args({128, 256})->Args({1024, 256});

// 64 KiB that are handed over: nothing is copied, so it costs what a small message does.
void caller_driven_handed_over(benchmark::State& state) {
  World world(0);
  const std::string payload(64 * 1024, 'x');
  for (auto _ : state) {
    for (int i = 0; i < 256; ++i)
      (void)world.sender->publish(
          "bench.subject", Payload::adopt(payload.data(), payload.size(), nullptr, nullptr));
    (void)world.server->poll();
  }
  state.SetItemsProcessed(state.iterations() * 256);
}
BENCHMARK(caller_driven_handed_over);

void own_threads(benchmark::State& state) {
  World world(1);
  (void)world.receiver->flush(std::chrono::seconds(10));
  const std::string payload(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i)
      // Not by trying again at once: where both threads share a core, that is what the reactor
      // waits for.
      while (!world.sender->publish("bench.subject", payload).ok())
        (void)world.sender->flush(std::chrono::seconds(10));
    (void)world.sender->flush(std::chrono::seconds(10));
    (void)world.receiver->flush(std::chrono::seconds(10));
  }
  if (world.got != static_cast<uint64_t>(state.iterations() * 1000)) state.SkipWithError("lost");
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(own_threads)->Arg(128)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
