// An embedded server and a client of it on one thread: what a test of run modes needs. Each mode has
// a host that lets the server run a little and wait for a reason to run, no longer.
#pragma once
#include <doctest/doctest.h>
#include <poll.h>
#include <uv.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "pipit/server.h"
#include "tests/support/tcp_client.h"

namespace pipit::test {

inline constexpr std::chrono::seconds kPatience{20};

inline Options local_options() {
  Options options;
  options.host = options.websocket.host = options.http_host = "127.0.0.1";
  options.port = -1;
  return options;
}

inline std::unique_ptr<Server> made(Options options) {
  auto server = Server::create(std::move(options));
  REQUIRE_MESSAGE(server.ok(), server.error().text);
  return std::move(server).value();
}

inline std::unique_ptr<Server> started(Options options) {
  auto server = made(std::move(options));
  REQUIRE(server->start().ok());
  return server;
}

// Threads of its own: nothing to do but to wait.
struct ThreadsHost {
  explicit ThreadsHost(Options options) : server(started(std::move(options))) {}
  void run_a_little(Deadline) {}

  std::unique_ptr<Server> server;
};

// Waits for nothing but fd() and timeout().
struct PollHost {
  explicit PollHost(Options options) {
    options.reactors = 0;
    server = started(std::move(options));
  }
  void run_a_little(Deadline deadline) {
    pollfd watched{server->fd(), POLLIN, 0};
    const auto timeout = static_cast<int>(server->timeout().count());
    const int left = deadline.remaining_ms();
    ::poll(&watched, 1, timeout < 0 ? left : std::min(timeout, left));
    const auto polled = server->poll();
    CHECK((polled.ok() || polled.error().code == Errc::closed));
  }

  std::unique_ptr<Server> server;
};

// A libuv program: one turn of its loop, with a timer that ends a wait which nothing else ends.
struct UvHost {
  // `first`: a handle that starts before the server's. libuv runs those of a phase last come, first
  // served.
  explicit UvHost(Options options, void (*first)(uv_loop_t*, uv_prepare_t*) = nullptr) {
    REQUIRE(uv_loop_init(&loop) == 0);
    if (first != nullptr) first(&loop, &prepare);
    uv_timer_init(&loop, &guard);
    options.loop = &loop;
    server = started(std::move(options));
  }
  ~UvHost() {
    server.reset();
    finish();
    CHECK(uv_loop_close(&loop) == 0);
  }
  void run_a_little(Deadline deadline) {
    uv_timer_start(&guard, [](uv_timer_t*) {}, static_cast<uint64_t>(deadline.remaining_ms()), 0);
    uv_run(&loop, UV_RUN_ONCE);
    uv_timer_stop(&guard);
  }
  // Until nothing is left on the loop.
  void finish() {
    if (uv_is_closing(reinterpret_cast<uv_handle_t*>(&guard)) == 0)
      uv_close(reinterpret_cast<uv_handle_t*>(&guard), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
  }

  uv_loop_t loop;
  uv_timer_t guard;
  uv_prepare_t prepare;
  std::unique_ptr<Server> server;
};

// A client whose patience runs out.
class Talk {
 public:
  explicit Talk(int port) : client_(dialled(port)) {}
  explicit Talk(TcpClient client) : client_(std::move(client)) {}

  void say(std::string_view text) { client_.send(text); }
  // Lets the host run until `text` has arrived, and forgets everything up to its end.
  template <class Host>
  bool hears(Host& host, std::string_view text) {
    const Deadline deadline(kPatience);
    size_t at;
    while ((at = heard_.find(text)) == std::string::npos) {
      if (deadline.passed() || !more(host, deadline)) return false;
    }
    heard_.erase(0, at + text.size());
    return true;
  }
  template <class Host>
  bool sees_the_end(Host& host) {
    const Deadline deadline(kPatience);
    while (!deadline.passed())
      if (!more(host, deadline)) return true;
    return false;
  }
  const std::string& heard() const { return heard_; }

 private:
  static TcpClient dialled(int port) {
    auto client = TcpClient::dial(static_cast<uint16_t>(port));
    REQUIRE(client.has_value());
    return std::move(*client);
  }
  // The host only runs once there is nothing to read: it may have no other reason to.
  template <class Host>
  bool more(Host& host, Deadline deadline) {
    const auto got = client_.receive(heard_, Deadline(std::chrono::milliseconds(0)));
    if (got == TcpClient::Got::nothing) host.run_a_little(deadline);
    return got != TcpClient::Got::closed;
  }
  bool more(ThreadsHost&, Deadline deadline) {
    return client_.receive(heard_, deadline) == TcpClient::Got::bytes;
  }

  TcpClient client_;
  std::string heard_;
};

}  // namespace pipit::test
