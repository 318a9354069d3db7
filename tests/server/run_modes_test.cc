// Proves the three ways to run a server: each serves its clients, keeps its deadlines, is woken by
// other threads, and stops as server.h says; what is asked of the wrong mode is an error. The hosts
// wait only for what the server tells them to, so a wake that is missing is a test that fails.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/server/embedded.h"

using namespace pipit;
using namespace pipit::test;

TEST_CASE_TEMPLATE("clients are served", Host, ThreadsHost, UvHost, PollHost) {
  Host host(local_options());
  Talk first(host.server->client_port()), second(host.server->client_port());
  CHECK(first.hears(host, "INFO {"));
  first.say("CONNECT {\"verbose\":false}\r\nSUB a.* 1\r\nPING\r\n");
  CHECK(first.hears(host, "PONG\r\n"));
  second.say("CONNECT {\"verbose\":false}\r\nPUB a.b 5\r\nhello\r\nPING\r\n");
  CHECK(second.hears(host, "PONG\r\n"));
  CHECK(first.hears(host, "MSG a.b 1 5\r\nhello\r\n"));
  const std::string large(3'000'000, 'x');  // more than any socket takes at once
  second.say("PUB a.c 1000000\r\n" + large.substr(2'000'000) + "\r\nPUB a.d 2\r\nok\r\n");
  CHECK(first.hears(host, "MSG a.d 1 2\r\nok\r\n"));
}

TEST_CASE_TEMPLATE("deadlines are kept without any other event", Host, ThreadsHost, UvHost,
                   PollHost) {
  Options options = local_options();
  options.ping_interval_ns = 20 * kNsPerMs;
  Host host(options);
  Talk client(host.server->client_port());
  client.say("CONNECT {\"verbose\":false}\r\nPING\r\n");
  CHECK(client.hears(host, "PONG\r\n"));
  CHECK(client.hears(host, "PING\r\n"));
  CHECK(client.hears(host, "Stale Connection"));
  CHECK(client.sees_the_end(host));
}

TEST_CASE_TEMPLATE("monitoring and stop() by another thread reach a server that sleeps", Host,
                   ThreadsHost, UvHost, PollHost) {
  Options options = local_options();
  options.http_port = -1;
  Host host(options);
  Talk client(host.server->client_port());
  CHECK(client.hears(host, "INFO {"));
  Talk monitor(host.server->monitor_port());
  monitor.say("GET /varz HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(monitor.hears(host, "\"connections\": 1"));
  CHECK(monitor.sees_the_end(host));
  std::thread other([&] { host.server->stop([] {}); });
  CHECK(client.sees_the_end(host));
  other.join();
}

TEST_CASE_TEMPLATE("stop() in a message's callback returns, and the rest follows", Host,
                   ThreadsHost, UvHost, PollHost) {
  Host host(local_options());
  std::atomic<bool> done{false};
  auto client = host.server->connect();
  REQUIRE(client.ok());
  auto stop = client.value()->subscribe("stop", "", [&](const MessageView& message) {
    CHECK(client.value()->respond(message, "good-bye").ok());
    host.server->stop();
    host.server->stop([&] { done = true; });
  });
  REQUIRE(stop.ok());
  Talk talk(host.server->client_port());
  talk.say("CONNECT {\"verbose\":false}\r\nSUB reply 1\r\nPUB stop reply 0\r\n\r\n");
  CHECK(talk.hears(host, "MSG reply 1 8\r\ngood-bye\r\n"));
  CHECK(talk.sees_the_end(host));
  const Deadline deadline(kPatience);
  while (!done && !deadline.passed()) host.run_a_little(deadline);
  CHECK(done);
  host.server->stop();
}

TEST_CASE("driven by its caller, what it publishes makes timeout() 0 and is sent by poll()") {
  PollHost host(local_options());
  auto client = host.server->connect();
  REQUIRE(client.ok());
  Talk talk(host.server->client_port());
  talk.say("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n");
  CHECK(talk.hears(host, "PONG\r\n"));
  while (host.server->timeout().count() == 0) CHECK(host.server->poll().ok());
  CHECK(client.value()->publish("a", "hi").ok());
  CHECK(host.server->timeout().count() == 0);
  // Nor does it take a call into the kernel to say so: poll() comes anyway.
  pollfd watched{host.server->fd(), POLLIN, 0};
  CHECK(::poll(&watched, 1, 0) == 0);
  CHECK(host.server->poll().ok());
  CHECK(talk.hears(host, "MSG a 1 2\r\nhi\r\n"));
}

TEST_CASE("driven by its caller, sockets are heard however busy its own clients keep poll()") {
  PollHost host(local_options());
  auto client = host.server->connect();
  REQUIRE(client.ok());
  uint64_t own = 0;
  bool heard = false;
  auto mine = client.value()->subscribe("own", "", [&](const MessageView&) { ++own; });
  auto theirs = client.value()->subscribe("theirs", "", [&](const MessageView&) { heard = true; });
  REQUIRE(mine.ok());
  REQUIRE(theirs.ok());
  Talk talk(host.server->client_port());
  talk.say("CONNECT {\"verbose\":false}\r\nPUB theirs 0\r\n\r\n");
  uint64_t published = 0;
  const Deadline deadline(kPatience);
  while (!heard && !deadline.passed()) {
    REQUIRE(client.value()->publish("own", "x").ok());
    REQUIRE(host.server->poll().ok());
    CHECK(own == ++published);
  }
  CHECK(heard);
}

TEST_CASE("on a host's loop, what its own callbacks publish is sent before the loop sleeps") {
  UvHost host(local_options(), [](uv_loop_t* loop, uv_prepare_t* late) {
    uv_prepare_init(loop, late);
    late->data = nullptr;
    uv_prepare_start(late, [](uv_prepare_t* handle) {
      if (handle->data == nullptr) return;
      CHECK(static_cast<Client*>(handle->data)->publish("a", "hi").ok());
      uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
    });
  });
  auto client = host.server->connect();
  REQUIRE(client.ok());
  Talk talk(host.server->client_port());
  talk.say("CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n");
  CHECK(talk.hears(host, "PONG\r\n"));
  host.prepare.data = client.value().get();  // from the next turn on, behind Pipit's own part in it
  CHECK(talk.hears(host, "MSG a 1 2\r\nhi\r\n"));
}

TEST_CASE("on a host's loop stop(done) comes when every handle is closed") {
  UvHost host(local_options());
  Talk client(host.server->client_port());
  CHECK(client.hears(host, "INFO {"));
  int done = 0;
  bool alive_in_done = true;
  host.server->stop([&] {
    ++done;
    alive_in_done = uv_loop_alive(&host.loop) != 0;
  });
  host.server->stop([&] { ++done; });
  host.server->stop();
  CHECK(done == 0);
  host.finish();
  CHECK(done == 2);
  CHECK_FALSE(alive_in_done);
  host.server->stop([&] { ++done; });
  CHECK(done == 3);
}

TEST_CASE("on a host's loop the server may be destroyed in done, before it, running, or not started") {
  int done = 0;
  SUBCASE("in done") {
    UvHost host(local_options());
    host.server->stop([&] {
      host.server.reset();
      ++done;
    });
    host.finish();
    CHECK(done == 1);
    CHECK(host.server == nullptr);
  }
  SUBCASE("before done, which still comes when the handles are closed") {
    UvHost host(local_options());
    Talk client(host.server->client_port());
    CHECK(client.hears(host, "INFO {"));
    host.server->stop([&] { ++done; });
    host.server.reset();
    CHECK(done == 0);
    host.finish();
    CHECK(done == 1);
    CHECK(client.sees_the_end(host));
  }
  SUBCASE("while it closes its handles") {
    UvHost host(local_options());
    host.server->stop([&] { ++done; });
    uv_run(&host.loop, UV_RUN_NOWAIT);
    host.server.reset();
    host.finish();
    CHECK(done == 1);
  }
  SUBCASE("running, with a client") {
    UvHost host(local_options());
    Talk client(host.server->client_port());
    CHECK(client.hears(host, "INFO {"));
    host.server.reset();
    host.finish();
    CHECK(client.sees_the_end(host));
  }
  SUBCASE("not started") {
    uv_loop_t loop;
    REQUIRE(uv_loop_init(&loop) == 0);
    Options options = local_options();
    options.loop = &loop;
    auto server = made(options);
    SUBCASE("stopped") {
      server->stop([&] { ++done; });
      uv_run(&loop, UV_RUN_DEFAULT);
      CHECK(done == 1);
      CHECK(server->start().error().code == Errc::closed);
    }
    server.reset();
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
}

TEST_CASE("two servers and the host's own handles share a loop") {
  uv_loop_t loop;
  REQUIRE(uv_loop_init(&loop) == 0);
  Options options = local_options();
  options.loop = &loop;
  auto first = started(options), second = started(options);
  struct {
    int ticks = 0;
    Server* server;
  } state{0, first.get()};
  uv_timer_t timer;
  uv_timer_init(&loop, &timer);
  timer.data = &state;
  uv_timer_start(
      &timer,
      [](uv_timer_t* handle) {
        auto& s = *static_cast<decltype(state)*>(handle->data);
        if (++s.ticks == 3) {
          s.server->stop([] {});
          uv_close(reinterpret_cast<uv_handle_t*>(handle), nullptr);
        }
      },
      1, 1);
  std::atomic<bool> second_stopped{false};
  std::thread client([&] {
    Talk talk(second->client_port());
    struct {
      void run_a_little(Deadline) {}
    } nobody;
    talk.say("CONNECT {\"verbose\":false}\r\nPING\r\n");
    while (!talk.hears(nobody, "PONG\r\n")) {
    }
    second->stop([&] { second_stopped = true; });
  });
  uv_run(&loop, UV_RUN_DEFAULT);
  client.join();
  CHECK(state.ticks == 3);
  CHECK(second_stopped);
  first.reset();
  second.reset();
  CHECK(uv_loop_close(&loop) == 0);
}

TEST_CASE("driven by its caller, stop() ends it there and then, and poll() says so") {
  PollHost host(local_options());
  Talk client(host.server->client_port());
  CHECK(client.hears(host, "INFO {"));
  bool done = false;
  host.server->stop([&] { done = true; });
  host.server->stop();
  CHECK(done);
  CHECK(host.server->poll().error().code == Errc::closed);
  CHECK(host.server->timeout().count() == 0);  // nothing to wait for
}

TEST_CASE("driven by its caller, another thread's stop() is carried out by poll()") {
  PollHost host(local_options());
  Talk client(host.server->client_port());
  CHECK(client.hears(host, "INFO {"));
  std::thread([&] { host.server->stop(); }).join();
  const Deadline deadline(kPatience);
  while (host.server->poll().ok() && !deadline.passed()) {
    pollfd watched{host.server->fd(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(host.server->timeout().count()));
  }
  CHECK(host.server->poll().error().code == Errc::closed);
}

TEST_CASE("driven by its caller, stop() inside poll() returns, and later poll()s finish it") {
  Server* server = nullptr;
  std::string inner;
  Options options = local_options();
  options.debug = true;
  options.log = [&](LogLevel, std::string_view line) {
    if (line.find("connection created") == std::string_view::npos) return;
    inner = server->poll().error().text;
    server->stop();
    server->stop();
  };
  PollHost host(options);
  server = host.server.get();
  Talk client(server->client_port());
  const Deadline deadline(kPatience);
  while (server->poll().ok() && !deadline.passed()) {
    pollfd watched{server->fd(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(server->timeout().count()));
  }
  CHECK(server->poll().error().code == Errc::closed);
  CHECK(inner == "poll() was called in a callback");
}

TEST_CASE("what belongs to another mode or thread is an error or nothing, never a crash") {
  auto threads = started(local_options());
  CHECK(threads->fd() == -1);
  CHECK(threads->timeout().count() == -1);
  CHECK(threads->poll().error().code == Errc::invalid_argument);
  CHECK(std::string(threads->poll().error().where) == "Server::poll");
  PollHost driven(local_options());
  Result<void> elsewhere;
  std::thread([&] {
    CHECK(driven.server->timeout().count() == 0);
    elsewhere = driven.server->poll();
  }).join();
  CHECK(elsewhere.error().code == Errc::invalid_argument);
  Options to_drive = local_options();
  to_drive.reactors = 0;
  auto made_here = made(to_drive);
  std::thread([&] { elsewhere = made_here->start(); }).join();
  CHECK(std::string(elsewhere.error().where) == "Server::start");
  CHECK(made_here->start().ok());
  Options options = local_options();
  uv_loop_t loop;
  options.loop = &loop;
  options.reactors = 2;
  const auto refused = Server::create(options);
  CHECK(refused.error().code == Errc::invalid_config);
  CHECK(refused.error().text == "on a host's loop there is one reactor, not 2");
}
