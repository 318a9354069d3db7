// Proves what a program is told of connections over sockets: each becomes connected once and
// disconnected once, in between authenticated or refused, with its names and the reason, on TCP and
// on WebSocket alike; and that the callback may use a Client.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/server/embedded.h"
#include "tests/support/ws_frame.h"

using namespace pipit;
using namespace pipit::test;
using Kind = ConnectionEvent::Kind;

namespace {

// The texts of an event end with its callback.
struct Told {
  Kind kind;
  uint64_t cid;
  std::string transport, host, name, user, reason;
  uint16_t port;
};

struct World {
  explicit World(Options options = local_options())
      : host([&] {
          options.on_event = [this](const ConnectionEvent& e) {
            told.push_back({e.kind, e.cid, std::string(e.transport), std::string(e.host),
                            std::string(e.name), std::string(e.user), std::string(e.reason),
                            e.port});
          };
          return options;
        }()) {}
  bool hears_of(size_t count) {
    const Deadline deadline(kPatience);
    while (told.size() < count && !deadline.passed()) host.run_a_little(deadline);
    return told.size() >= count;
  }

  std::vector<Told> told;
  PollHost host;
};

// A NATS client on either of the ports, as far as the events go: it only speaks.
class Caller {
 public:
  Caller(World& world, bool websocket)
      : websocket_(websocket),
        talk_(websocket ? world.host.server->websocket_port() : world.host.server->client_port()) {
    if (!websocket) return;
    talk_->say(upgrade_request("/", ""));
    REQUIRE(talk_->hears(world.host, "\r\n\r\n"));
  }
  void say(const std::string& text) {
    talk_->say(websocket_ ? WsFrame{.payload = text}.bytes() : text);
  }
  bool hears(World& world, std::string_view text) { return talk_->hears(world.host, text); }
  void hang_up() { talk_.reset(); }

 private:
  bool websocket_;
  std::optional<Talk> talk_;
};

Options with_password(bool websocket) {
  Options options = local_options();
  options.authorization.user = "ann";
  options.authorization.password = "secret";
  if (websocket) {
    options.websocket.port = -1;
    options.websocket.no_tls = true;
  }
  return options;
}

}  // namespace

TEST_CASE("connected, authenticated, disconnected: in this order, and who it was") {
  bool websocket = false;
  SUBCASE("TCP") {}
  SUBCASE("WebSocket") { websocket = true; }
  World world(with_password(websocket));
  Caller caller(world, websocket);
  CHECK(caller.hears(world, "INFO {"));
  REQUIRE(world.hears_of(1));
  CHECK(world.told[0].kind == Kind::connected);
  CHECK(world.told[0].name == "");
  caller.say(R"(CONNECT {"verbose":false,"user":"ann","pass":"secret","name":"probe"})"
             "\r\n");
  REQUIRE(world.hears_of(2));
  CHECK(world.told[1].kind == Kind::authenticated);
  caller.hang_up();
  REQUIRE(world.hears_of(3));
  CHECK(world.told[2].kind == Kind::disconnected);
  CHECK(world.told[2].reason == "Client Closed");
  for (const Told& told : world.told) {
    CHECK(told.cid == world.told[0].cid);
    CHECK(told.transport == (websocket ? "websocket" : "tcp"));
    CHECK(told.host == "127.0.0.1");
    CHECK(told.port != 0);
    CHECK(told.port == world.told[0].port);
  }
  for (size_t i = 1; i < 3; ++i) {
    CHECK(world.told[i].name == "probe");
    CHECK(world.told[i].user == "ann");
  }
  Caller second(world, websocket);
  REQUIRE(world.hears_of(4));
  CHECK(world.told[3].cid != world.told[0].cid);
}

TEST_CASE("who is refused is told so, then it is gone") {
  bool websocket = false, late = false;
  SUBCASE("a wrong password over TCP") {}
  SUBCASE("a wrong password over WebSocket") { websocket = true; }
  SUBCASE("no CONNECT in time over TCP") { late = true; }
  SUBCASE("no CONNECT in time over WebSocket") { websocket = late = true; }
  Options options = with_password(websocket);
  if (late) options.authorization.timeout_ns = 20 * kNsPerMs;
  World world(options);
  Caller caller(world, websocket);
  if (!late)
    caller.say(R"(CONNECT {"user":"ann","pass":"guess"})"
               "\r\n");
  REQUIRE(world.hears_of(3));
  CHECK(world.told.size() == 3);
  CHECK(world.told[0].kind == Kind::connected);
  CHECK(world.told[1].kind == Kind::auth_failed);
  CHECK(world.told[2].kind == Kind::disconnected);
  const std::string reason = late ? "Authentication Timeout" : "Authentication Failure";
  CHECK(world.told[1].reason == reason);
  CHECK(world.told[2].reason == reason);
  CHECK(world.told[1].user == (late ? "" : "ann"));
}

TEST_CASE("where nobody asks for credentials a CONNECT is accepted, and stop() disconnects") {
  World world;
  Caller caller(world, false);
  caller.say("CONNECT {}\r\nPING\r\n");
  CHECK(caller.hears(world, "PONG"));
  REQUIRE(world.hears_of(2));
  CHECK(world.told[1].kind == Kind::authenticated);
  world.host.server->stop();
  REQUIRE(world.told.size() == 3);
  CHECK(world.told[2].kind == Kind::disconnected);
  CHECK(world.told[2].reason == "Server Shutdown");
}

TEST_CASE("a connection that says nothing right is disconnected without being refused") {
  World world;
  Caller caller(world, false);
  caller.say("GARBAGE\r\n");
  REQUIRE(world.hears_of(2));
  CHECK(world.told[1].kind == Kind::disconnected);
  CHECK(world.told[1].reason == "Protocol Violation");
}

TEST_CASE("what half opens a WebSocket is no client: nobody is told") {
  World world(with_password(true));
  Talk half(world.host.server->websocket_port());
  half.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(half.sees_the_end(world.host));
  CHECK(world.told.empty());
}

TEST_CASE("the callback may publish: presence") {
  std::unique_ptr<Client> herald;
  Options options = local_options();
  options.on_event = [&](const ConnectionEvent& event) {
    if (event.name == "bob" && event.kind == Kind::disconnected)
      CHECK(herald->publish("gone." + std::string(event.name), "").ok());
  };
  PollHost host(options);
  auto made = host.server->connect();
  REQUIRE(made.ok());
  herald = std::move(made).value();
  Talk watcher(host.server->client_port());
  watcher.say("CONNECT {\"verbose\":false}\r\nSUB gone.* 1\r\nPING\r\n");
  CHECK(watcher.hears(host, "PONG\r\n"));
  std::optional<Talk> guest(host.server->client_port());
  guest->say("CONNECT {\"verbose\":false,\"name\":\"bob\"}\r\nPING\r\n");
  CHECK(guest->hears(host, "PONG\r\n"));
  guest.reset();
  CHECK(watcher.hears(host, "MSG gone.bob 1 0\r\n"));
}
