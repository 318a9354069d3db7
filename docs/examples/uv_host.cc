// A program with a libuv loop of its own, and a broker on that loop: one thread, no locks. A timer
// of the program publishes; whoever asks `clock.stop` ends it.
//
//     uv_host                    prints its port; then, with any NATS client:
//     nats sub clock.tick
//     nats request clock.stop ''
#include <pipit/client.h>
#include <pipit/server.h>
#include <uv.h>

#include <cstdio>
#include <string>

namespace {

struct Program {
  uv_loop_t loop;
  uv_timer_t timer;
  std::unique_ptr<pipit::Server> server;
  std::unique_ptr<pipit::Client> client;
  pipit::Subscription stop;
  int ticks = 0;

  void tick() {
    if (!client->publish("clock.tick", std::to_string(++ticks))) end();
  }
  // The loop does the rest: it returns from uv_run() when the server and the timer are off it.
  void end() {
    uv_close(reinterpret_cast<uv_handle_t*>(&timer), nullptr);
    server->stop([] { std::puts("stopped"); });
  }
};

int failed(const pipit::Error& error) {
  std::fprintf(stderr, "%s: %s\n", error.where, error.text.c_str());
  return 1;
}

}  // namespace

int main() {
  Program program;
  uv_loop_init(&program.loop);
  pipit::Options options;
  options.host = "127.0.0.1";
  options.port = -1;
  options.loop = &program.loop;
  auto server = pipit::Server::create(options);
  if (!server) return failed(server.error());
  program.server = std::move(server).value();
  if (auto started = program.server->start(); !started) return failed(started.error());
  auto client = program.server->connect({});
  if (!client) return failed(client.error());
  program.client = std::move(client).value();
  auto stop = program.client->subscribe("clock.stop", "", [&](const pipit::MessageView& message) {
    (void)program.client->respond(message, "good-bye").ok();
    program.end();
  });
  if (!stop) return failed(stop.error());
  program.stop = std::move(stop).value();

  uv_timer_init(&program.loop, &program.timer);
  program.timer.data = &program;
  uv_timer_start(
      &program.timer, [](uv_timer_t* timer) { static_cast<Program*>(timer->data)->tick(); }, 0, 100);
  std::printf("nats://127.0.0.1:%d\n", program.server->client_port());
  std::fflush(stdout);
  uv_run(&program.loop, UV_RUN_DEFAULT);
  program.server.reset();
  return uv_loop_close(&program.loop) == 0 ? 0 : 1;
}
