// Proves create, start, stop and destroy in every order that server.h allows: from several threads,
// inside callbacks, without start, twice; a thousand lives leave no descriptor, thread or memory
// behind, and none of them prints a word.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/server/embedded.h"
#include "tests/support/temp_dir.h"

using namespace pipit;
using namespace pipit::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kLives = 50;
#else
constexpr int kLives = 1000;
#endif

size_t entries(const char* folder) {
  const std::filesystem::directory_iterator all(folder);
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}
size_t open_descriptors() { return entries("/proc/self/fd"); }
size_t threads() { return entries("/proc/self/task"); }

// What the process printed while this lives.
class Printed {
 public:
  Printed() {
    std::fflush(nullptr);
    const std::filesystem::path file = dir_.write("printed", "");
    const int fd = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    for (const int standard : {STDOUT_FILENO, STDERR_FILENO}) {
      saved_.push_back(::dup(standard));
      ::dup2(fd, standard);
    }
    ::close(fd);
  }
  std::string end() {
    std::fflush(nullptr);
    for (size_t i = 0; i < saved_.size(); ++i) {
      ::dup2(saved_[i], i == 0 ? STDOUT_FILENO : STDERR_FILENO);
      ::close(saved_[i]);
    }
    saved_.clear();
    std::ifstream in(dir_.path() / "printed");
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  TempDir dir_;
  std::vector<int> saved_;
};

}  // namespace

TEST_CASE("stop() by many threads at once: each returns when it is over") {
  Options options = local_options();
  options.reactors = 3;
  auto server = started(options);
  const auto port = static_cast<uint16_t>(server->client_port());
  auto client = TcpClient::dial(port);
  std::vector<std::thread> stoppers;
  for (int i = 0; i < 4; ++i)
    stoppers.emplace_back([&] {
      server->stop();
      CHECK_FALSE(TcpClient::dial(port).has_value());
    });
  for (std::thread& stopper : stoppers) stopper.join();
  server->stop();
  bool called = false;
  server->stop([&] { called = true; });
  CHECK(called);
  CHECK(server->start().error().code == Errc::closed);
  CHECK(std::string(server->start().error().where) == "Server::start");
}

TEST_CASE("stop() inside a callback returns at once; whoever asks later waits for the end") {
  Server* server = nullptr;
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  bool done = false;
  Options options = local_options();
  options.debug = true;
  options.log = [&](LogLevel, std::string_view line) {
    if (line.find("connection created") == std::string_view::npos) return;
    server->stop();
    server->stop([&] {
      const std::lock_guard lock(mutex);
      done = true;
      changed.notify_all();
    });
    const std::lock_guard lock(mutex);
    ++calls;
    changed.notify_all();
  };
  auto owned = made(options);
  server = owned.get();
  REQUIRE(server->start().ok());
  auto client = TcpClient::dial(static_cast<uint16_t>(server->client_port()));
  {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, kPatience, [&] { return calls == 1 && done; }));
  }
  SUBCASE("stop()") { server->stop(); }
  SUBCASE("the destructor") {}
  owned.reset();
}

TEST_CASE("a server that never ran frees its port, and start() twice is an error") {
  auto server = made(local_options());
  Options again = local_options();
  again.port = server->client_port();
  CHECK(Server::create(again).error().code == Errc::address);
  SUBCASE("destroyed") { server.reset(); }
  SUBCASE("stopped") { server->stop(); }
  auto second = started(again);
  CHECK(second->start().error().code == Errc::invalid_argument);
}

TEST_CASE("lame duck is for servers that run") {
  auto server = made(local_options());
  bool called = false;
  server->lame_duck([&] { called = true; });
  REQUIRE(server->start().ok());
  Talk client(server->client_port());  // still accepted
  server->stop();
  server->lame_duck([&] { called = true; });
  CHECK_FALSE(called);
}

TEST_CASE("two servers of one process do not know of each other") {
  ThreadsHost first(local_options()), second(local_options());
  CHECK(first.server->id() != second.server->id());
  Talk there(first.server->client_port()), here(second.server->client_port());
  there.say("CONNECT {\"verbose\":false}\r\nSUB > 1\r\nPING\r\n");
  CHECK(there.hears(first, "PONG\r\n"));
  here.say("CONNECT {\"verbose\":false}\r\nPUB x 1\r\nx\r\nPING\r\n");
  CHECK(here.hears(second, "PONG\r\n"));
  second.server->stop();
  there.say("PING\r\n");
  CHECK(there.hears(first, "\r\n"));
  CHECK(there.heard().find("MSG") == std::string::npos);
}

TEST_CASE("a thousand lives leave no descriptor, no thread and no memory") {
  const auto live = [] {
    Options options = local_options();
    options.websocket.port = -1;
    options.websocket.no_tls = true;
    options.http_port = -1;
    SUBCASE("threads") { options.reactors = 2; }
    SUBCASE("driven by the caller") { options.reactors = 0; }
    return options;
  };
  const Options options = live();
  const auto life = [&] {
    auto server = started(options);
    auto client = TcpClient::dial(static_cast<uint16_t>(server->client_port()));
    server->stop();
  };
  for (int i = 0; i < 20; ++i) life();  // what the C library keeps for later
  const size_t descriptors = open_descriptors(), tasks = threads();
  const size_t used = mallinfo2().uordblks;
  for (int i = 0; i < kLives; ++i) life();
  CHECK(open_descriptors() == descriptors);
  CHECK(threads() == tasks);
  CHECK(mallinfo2().uordblks < used + 64 * 1024);
}

TEST_CASE("a thousand lives on one host's loop leave nothing on it") {
  uv_loop_t loop;
  REQUIRE(uv_loop_init(&loop) == 0);
  Options options = local_options();
  options.loop = &loop;
  const auto life = [&] {
    auto server = started(options);
    bool done = false;
    server->stop([&] { done = true; });
    uv_run(&loop, UV_RUN_DEFAULT);
    return done;
  };
  REQUIRE(life());
  const size_t descriptors = open_descriptors(), used = mallinfo2().uordblks;
  for (int i = 0; i < kLives; ++i) REQUIRE(life());
  CHECK(open_descriptors() == descriptors);
  CHECK(mallinfo2().uordblks < used + 64 * 1024);
  CHECK(uv_loop_close(&loop) == 0);
}

TEST_CASE("the library prints nothing, whatever its clients do") {
  Printed printed;
  Options options = local_options();
  options.authorization.token = "secret";
  options.websocket.port = -1;
  options.websocket.no_tls = true;
  options.http_port = -1;
  {
    ThreadsHost host(options);
    for (const char* words : {"CONNECT {\"auth_token\":\"wrong\"}\r\n", "CONNECT {\r\n", "nonsense\r\n"}) {
      Talk client(host.server->client_port());
      client.say(words);
      client.sees_the_end(host);
    }
    Talk websocket(host.server->websocket_port());
    websocket.say("GET / HTTP/1.1\r\n\r\n");
    websocket.sees_the_end(host);
    Talk monitor(host.server->monitor_port());
    monitor.say("BREW / HTTP/1.1\r\n\r\n");
    monitor.sees_the_end(host);
    Options taken = local_options();
    taken.port = host.server->client_port();
    (void)Server::create(taken).ok();
  }
  CHECK(printed.end() == "");
}
