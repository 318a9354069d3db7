// What a server costs that does nothing: create, start, stop and destroy, in each run mode.
#include <benchmark/benchmark.h>
#include <uv.h>

#include "pipit/server.h"

namespace {

pipit::Options options_of(uint32_t reactors) {
  pipit::Options options;
  options.host = options.websocket.host = options.http_host = "127.0.0.1";
  options.port = options.websocket.port = options.http_port = -1;
  options.websocket.no_tls = true;
  options.reactors = reactors;
  return options;
}

bool live(const pipit::Options& options) {
  auto server = pipit::Server::create(options);
  if (!server || !server.value()->start()) return false;
  server.value()->stop();
  return true;
}

// 0: driven by the caller, who is us.
void threads(benchmark::State& state) {
  const pipit::Options options = options_of(static_cast<uint32_t>(state.range(0)));
  for (auto _ : state)
    if (!live(options)) return state.SkipWithError("no server");
}
BENCHMARK(threads)->Name("life/reactors")->Arg(0)->Arg(1)->Arg(4)->UseRealTime();

void host_loop(benchmark::State& state) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  pipit::Options options = options_of(1);
  options.loop = &loop;
  for (auto _ : state) {
    if (!live(options)) return state.SkipWithError("no server");
    uv_run(&loop, UV_RUN_DEFAULT);
  }
  uv_loop_close(&loop);
}
BENCHMARK(host_loop)->Name("life/host loop")->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
