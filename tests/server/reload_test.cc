// Proves Server::reload(): what it changes holds for who comes and for who is there, in each run mode; what
// it cannot change is named; and an error of any kind changes nothing.
#include <doctest/doctest.h>

#include <functional>
#include <thread>

#include "tests/server/embedded.h"

using namespace pipit;
using namespace pipit::test;

namespace {

const std::string kConnect = "CONNECT {\"verbose\":false}\r\nPING\r\n";

}  // namespace

TEST_CASE_TEMPLATE("new limits hold for who comes and for who is there", Host, ThreadsHost, UvHost,
                   PollHost) {
  Options options = local_options();
  options.max_payload = 100;
  Host host(options);
  if constexpr (std::is_same_v<Host, PollHost>) options.reactors = 0;
  if constexpr (std::is_same_v<Host, UvHost>) options.loop = &host.loop;
  Talk old(host.server->client_port());
  old.say(kConnect);
  CHECK(old.hears(host, "PONG"));
  options.max_payload = 10;
  options.authorization.token = "secret";
  const auto reloaded = host.server->reload(options);
  REQUIRE_MESSAGE(reloaded.ok(), reloaded.error().text);
  Talk refused(host.server->client_port());
  CHECK(refused.hears(host, "\"max_payload\":10"));
  refused.say(kConnect);
  CHECK(refused.hears(host, "-ERR 'Authorization Violation'"));
  Talk accepted(host.server->client_port());
  accepted.say("CONNECT {\"verbose\":false,\"auth_token\":\"secret\"}\r\nPING\r\n");
  CHECK(accepted.hears(host, "PONG"));
  old.say("PUB a 11\r\n");
  CHECK(old.hears(host, "-ERR 'Maximum Payload Violation'"));
}

TEST_CASE("what a running server cannot change is named, and nothing is changed") {
  Options options = local_options();
  options.max_payload = 100;
  ThreadsHost host(options);
  const auto fault = [&](const std::function<void(Options&)>& change) {
    Options other = options;
    other.max_payload = 50;
    change(other);
    const auto result = host.server->reload(other);
    REQUIRE_FALSE(result.ok());
    CHECK(std::string_view(result.error().where) == "Server::reload");
    return result.error().text;
  };
  const std::string cannot = "a running server cannot change ";
  CHECK(fault([](Options& o) { o.host = "0.0.0.0"; }) == cannot + "host");
  CHECK(fault([](Options& o) { o.port = 4333; }) == cannot + "port");
  CHECK(fault([](Options& o) { o.server_name = "x"; }) == cannot + "server_name");
  CHECK(fault([](Options& o) { o.reactors = 2; }) == cannot + "reactors");
  CHECK(fault([](Options& o) { o.http_port = -1; }) == cannot + "http_port");
  CHECK(fault([](Options& o) {
          o.no_header_support = true;
          o.websocket.port = -1;
          o.websocket.no_tls = true;
        }) == cannot + "no_header_support, websocket");
  CHECK(fault([](Options& o) { o.max_pending = 10; }).find("max_payload") != std::string::npos);
  Talk client(host.server->client_port());
  CHECK(client.hears(host, "\"max_payload\":100"));
}

TEST_CASE("clients in the process: those that come meet the new limits") {
  Options options = local_options();
  options.reactors = 0;
  auto server = started(options);
  auto early = server->connect();
  REQUIRE(early.ok());
  options.max_payload = 10;
  options.max_connections = 1;
  REQUIRE(server->reload(options).ok());
  CHECK(server->connect().error().code == Errc::exhausted);
  options.max_connections = 2;
  REQUIRE(server->reload(options).ok());
  auto late = server->connect();
  REQUIRE(late.ok());
  CHECK(late.value()->publish("a", "01234567890").error().code == Errc::exhausted);
  CHECK(early.value()->publish("a", "01234567890").ok());
}

TEST_CASE("reload() at any time: before start(), by many threads, after stop()") {
  Options options = local_options();
  options.reactors = 2;
  auto server = made(options);
  options.max_payload = 200;
  CHECK(server->reload(options).ok());
  REQUIRE(server->start().ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&, own = options, i]() mutable {
      for (int n = 0; n < 50; ++n) {
        own.max_payload = 1000 * i + n;
        own.debug = n % 2 == 0;
        CHECK(server->reload(own).ok());
        CHECK(server->connect().ok());
      }
    });
  for (std::thread& thread : threads) thread.join();
  server->stop();
  CHECK(server->reload(options).error().code == Errc::closed);
}
