// Proves a Client in the process, on one thread that drives the server: what it publishes, subscribes
// to and requests, its limits and errors, and that its callbacks run between messages. What other
// threads may do with it is client_threads_test.cc.
#include "pipit/client.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/server/embedded.h"

using namespace pipit;
using namespace pipit::test;
using std::chrono::milliseconds;

namespace {

// A server that the test turns, and clients of it.
struct World : PollHost {
  explicit World(Options options = local_options()) : PollHost(std::move(options)) {}

  std::unique_ptr<Client> client(const ClientOptions& options = {}) {
    auto made = server->connect(options);
    REQUIRE_MESSAGE(made.ok(), made.error().text);
    return std::move(made).value();
  }
  // Callbacks that are due have run.
  void settle() {
    do
      REQUIRE(server->poll().ok());
    while (server->timeout() == milliseconds(0));
  }
  template <class Done>
  void run_until(Done done) {
    const Deadline deadline(kPatience);
    while (!done()) {
      REQUIRE_FALSE(deadline.passed());
      run_a_little(deadline);
    }
  }
};

struct Seen {
  std::vector<std::string> payloads, headers;
  Client::OnMessage callback() {
    return [this](const MessageView& message) {
      payloads.emplace_back(message.payload);
      headers.emplace_back(message.headers);
    };
  }
};

Subscription subscribed(Client& client, std::string_view subject, Client::OnMessage callback,
                        std::string_view queue = {}) {
  auto made = client.subscribe(subject, queue, std::move(callback));
  REQUIRE_MESSAGE(made.ok(), made.error().text);
  return std::move(made).value();
}

Errc code_of(const Result<void>& result) { return result.ok() ? Errc::ok : result.error().code; }

}  // namespace

TEST_CASE("a message reaches its subscriber between turns, not inside publish()") {
  World world;
  auto client = world.client();
  Seen seen;
  const Subscription sub = subscribed(*client, "a.*", seen.callback());
  REQUIRE(client->publish("a.b", "one").ok());
  REQUIRE(client->publish("a.c", Payload::copy("two")).ok());
  REQUIRE(client->publish("b.c", "three").ok());
  CHECK(seen.payloads.empty());
  world.settle();
  CHECK(seen.payloads == std::vector<std::string>{"one", "two"});
}

TEST_CASE("a client in the process and one on TCP talk, with headers and replies") {
  World world;
  auto client = world.client();
  Talk talk(world.server->client_port());
  talk.say("CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB out.> 1\r\nPING\r\n");
  REQUIRE(talk.hears(world, "PONG\r\n"));
  Headers headers;
  REQUIRE(headers.add("Colour", "blue").ok());
  REQUIRE(client->publish("out.x", headers, "hello", "answer.here").ok());
  CHECK(talk.hears(world,
                   "HMSG out.x 1 answer.here 26 31\r\nNATS/1.0\r\nColour: blue\r\n\r\nhello\r\n"));
  // A large body that is handed over lies apart from its headers.
  const std::string large(5000, 'x');
  REQUIRE(client->publish("out.y", headers, Payload::copy(large)).ok());
  CHECK(talk.hears(world, "HMSG out.y 1 26 5026\r\nNATS/1.0\r\nColour: blue\r\n\r\n" + large + "\r\n"));

  std::string value, body, reply;
  const Subscription sub = subscribed(*client, "in", [&](const MessageView& message) {
    value = message.header("Colour").value_or("none");
    body = message.payload;
    reply = message.reply;
    CHECK(client->respond(message, "thanks").ok());
  });
  talk.say("SUB back 2\r\nHPUB in back 26 28\r\nNATS/1.0\r\nColour:  red\r\n\r\nhi\r\n");
  CHECK(talk.hears(world, "MSG back 2 6\r\nthanks\r\n"));
  CHECK(value == "red");
  CHECK(body == "hi");
  CHECK(reply == "back");
}

TEST_CASE("queue groups, echo and close_after() are as on TCP") {
  World world;
  auto client = world.client();
  ClientOptions mute;
  mute.echo = false;
  auto quiet = world.client(mute);
  size_t in_group = 0;
  Seen plain, own, some;
  const Subscription a = subscribed(*client, "q", [&](const MessageView&) { ++in_group; }, "g");
  const Subscription b = subscribed(*quiet, "q", [&](const MessageView&) { ++in_group; }, "g");
  const Subscription c = subscribed(*client, "q", plain.callback());
  const Subscription d = subscribed(*quiet, "own", own.callback());
  Subscription e = subscribed(*client, "q", some.callback());
  e.close_after(2);
  for (int i = 0; i < 5; ++i) REQUIRE(client->publish("q", std::to_string(i)).ok());
  REQUIRE(quiet->publish("own", "mine").ok());
  REQUIRE(client->publish("own", "other").ok());
  world.settle();
  CHECK(in_group == 5);
  CHECK(plain.payloads.size() == 5);
  CHECK(own.payloads == std::vector<std::string>{"other"});
  CHECK(some.payloads == std::vector<std::string>{"0", "1"});
}

TEST_CASE("after close() no callback runs, though messages wait") {
  World world;
  auto client = world.client();
  Seen seen;
  Subscription sub = subscribed(*client, "a", seen.callback());
  REQUIRE(client->publish("a", "1").ok());
  sub.close();
  CHECK_FALSE(sub);
  REQUIRE(client->publish("a", "2").ok());
  world.settle();
  CHECK(seen.payloads.empty());
}

TEST_CASE("inside its own callback a subscription closes with that call as its last") {
  World world;
  auto client = world.client();
  size_t calls = 0;
  Subscription sub;
  sub = subscribed(*client, "a", [&](const MessageView&) {
    ++calls;
    sub.close();
  });
  for (int i = 0; i < 3; ++i) REQUIRE(client->publish("a", "x").ok());
  world.settle();
  CHECK(calls == 1);
}

TEST_CASE("a callback may publish, subscribe, and destroy its own client") {
  World world;
  auto client = world.client();
  auto watcher = world.client();
  Seen seen, late;
  const Subscription watch = subscribed(*watcher, "b", seen.callback());
  Subscription added;
  Subscription sub = subscribed(*client, "a", [&](const MessageView&) {
    CHECK(client->publish("b", "from a callback").ok());
    added = subscribed(*watcher, "c", late.callback());
    client.reset();
  });
  REQUIRE(client->publish("a", "1").ok());
  REQUIRE(client->publish("a", "2").ok());
  world.settle();
  CHECK(client == nullptr);
  CHECK(seen.payloads.size() == 1);
  REQUIRE(watcher->publish("c", "late").ok());
  world.settle();
  CHECK(late.payloads.size() == 1);
  sub.close();  // its client is gone: nothing to do
}

TEST_CASE("a request gets its reply, or is told that nobody listens, or that time is over") {
  World world;
  auto client = world.client();
  auto service = world.client();
  const Subscription answers = subscribed(*service, "ask", [&](const MessageView& message) {
    CHECK(service->respond(message, "re: " + std::string(message.payload)).ok());
  });
  const Subscription silent = subscribed(*service, "silent", [](const MessageView&) {});
  std::vector<std::string> got;
  const auto note = [&](Result<MessageView> reply) {
    got.push_back(reply.ok() ? std::string(reply.value().payload)
                             : std::to_string(static_cast<int>(reply.error().code)));
  };
  REQUIRE(client->request("ask", "1", milliseconds(20'000), note).ok());
  REQUIRE(client->request("nobody", "2", milliseconds(20'000), note).ok());
  REQUIRE(client->request("ask", "3", milliseconds(20'000), note).ok());
  world.settle();
  REQUIRE(got.size() == 3);
  std::sort(got.begin(), got.end());
  CHECK(got == std::vector<std::string>{std::to_string(static_cast<int>(Errc::no_responders)),
                                        "re: 1", "re: 3"});
  got.clear();
  REQUIRE(client->request("silent", "4", milliseconds(1), note).ok());
  world.run_until([&] { return !got.empty(); });
  CHECK(got == std::vector<std::string>{std::to_string(static_cast<int>(Errc::timeout))});
  // Waiting would keep the reply from coming.
  CHECK(client->request("ask", "5", milliseconds(1)).error().code == Errc::invalid_argument);
}

TEST_CASE("every call says what is wrong, names itself, and leaves the payload alone") {
  Options options = local_options();
  options.max_payload = 100;
  options.max_control_line = 512;
  options.max_subscriptions = 2;
  options.max_sub_tokens = 3;
  World world(options);
  auto client = world.client();
  const auto publish = [&](std::string_view subject, std::string_view reply = {}) {
    Payload payload = Payload::copy("mine");
    auto result = client->publish(subject, std::move(payload), reply);
    CHECK(payload.view() == (result.ok() ? "" : "mine"));
    if (!result.ok()) CHECK(std::string_view(result.error().where) == "Client::publish");
    return code_of(result);
  };
  CHECK(publish("a") == Errc::ok);
  for (const char* bad : {"", ".", "a..b", "a.", "a b", "a\r\nPING", "a\tb", "a.*", ">"})
    CHECK(publish(bad) == Errc::invalid_argument);
  CHECK(publish("a", "b c") == Errc::invalid_argument);
  CHECK(publish("a", "b.>") == Errc::invalid_argument);
  CHECK(publish(std::string(500, 'x')) == Errc::exhausted);
  CHECK(publish("$NRG.x") == Errc::denied);
  CHECK(publish("a", "_R_.x") == Errc::denied);
  CHECK(code_of(client->publish("a", std::string(101, 'x'))) == Errc::exhausted);

  Headers headers;
  CHECK_FALSE(headers.add("", "x").ok());
  CHECK_FALSE(headers.add("a:b", "x").ok());
  CHECK_FALSE(headers.add("a b", "x").ok());
  CHECK_FALSE(headers.add("a", "x\r\ny").ok());
  CHECK(headers.block().empty());
  REQUIRE(headers.add("a", std::string(80, 'x')).ok());
  CHECK(code_of(client->publish("a", headers, "123456789")) == Errc::exhausted);

  Seen seen;
  const auto subscribe = [&](std::string_view subject, std::string_view queue = {}) {
    auto result = client->subscribe(subject, queue, seen.callback());
    return result.ok() ? Errc::ok : result.error().code;
  };
  for (const char* bad : {"", "a..b", "a b", ">.a", "a\nb"})
    CHECK(subscribe(bad) == Errc::invalid_argument);
  CHECK(subscribe("a", "two words") == Errc::invalid_argument);
  CHECK(subscribe("a", "_sys_") == Errc::denied);
  CHECK(subscribe("a.b.c.d") == Errc::exhausted);
  CHECK(client->subscribe("a", "", nullptr).error().code == Errc::invalid_argument);
  const Subscription one = subscribed(*client, "a", seen.callback());
  Subscription two = subscribed(*client, "b", seen.callback());
  CHECK(subscribe("c") == Errc::exhausted);
  CHECK(code_of(client->request("a", "", milliseconds(1), [](Result<MessageView>) {})) ==
        Errc::exhausted);
  two.close();
  CHECK(subscribe("c") == Errc::ok);
  CHECK(code_of(client->request("a", "", milliseconds(1), nullptr)) == Errc::invalid_argument);
  CHECK(code_of(client->respond(MessageView(), "x")) == Errc::invalid_argument);
}

TEST_CASE("callbacks that fall behind: the publisher is told to wait, nothing is lost") {
  Options options = local_options();
  options.max_pending = 64 * 1024;
  options.max_payload = 16 * 1024;
  World world(options);
  auto publisher = world.client();
  auto subscriber = world.client();
  size_t got = 0;
  const Subscription sub = subscribed(*subscriber, "a", [&](const MessageView&) { ++got; });
  size_t sent = 0;
  Result<void> result;
  while ((result = publisher->publish("a", std::string(1000, 'x'))).ok()) ++sent;
  CHECK(result.error().code == Errc::slow_consumer);
  CHECK(sent > 30);
  CHECK(sent < 66);
  world.settle();
  CHECK(got == sent);
  // The pause is over after a moment.
  world.run_until([&] { return publisher->publish("a", "again").ok(); });
  world.settle();
  CHECK(got == sent + 1);
}

TEST_CASE("a subscriber beyond max_pending is closed as a slow consumer") {
  Options options = local_options();
  options.max_pending = 64 * 1024;
  options.max_payload = 60 * 1024;
  std::string logged;
  options.log = [&](LogLevel, std::string_view line) { logged += std::string(line) + "\n"; };
  World world(options);
  auto publisher = world.client();
  auto subscriber = world.client();
  Seen seen;
  const Subscription sub = subscribed(*subscriber, "a", seen.callback());
  REQUIRE(publisher->publish("a", std::string(40'000, 'x')).ok());
  REQUIRE(publisher->publish("a", std::string(40'000, 'x')).ok());
  world.settle();
  CHECK(subscriber->closed());
  CHECK(code_of(subscriber->publish("b", "x")) == Errc::closed);
  CHECK(subscriber->publish("b", "x").error().text.find("Slow Consumer") != std::string::npos);
  CHECK(logged.find("Slow Consumer Detected") != std::string::npos);
  CHECK_FALSE(publisher->closed());
}

TEST_CASE("two clients that answer each other for ever leave the others their turns") {
  World world;
  auto a = world.client();
  auto b = world.client();
  size_t rounds = 0;
  const Subscription to_a = subscribed(*a, "a", [&](const MessageView&) {
    ++rounds;
    CHECK(a->publish("b", "ping").ok());
  });
  const Subscription to_b =
      subscribed(*b, "b", [&](const MessageView&) { CHECK(b->publish("a", "pong").ok()); });
  REQUIRE(a->publish("b", "start").ok());
  Talk talk(world.server->client_port());
  talk.say("CONNECT {\"verbose\":false}\r\nPING\r\n");
  CHECK(talk.hears(world, "PONG\r\n"));
  CHECK(rounds > 10);
  CHECK(world.server->timeout() == milliseconds(0));
}

TEST_CASE("messages are kept beyond their callback, small and large") {
  World world;
  auto client = world.client();
  std::vector<Message> kept;
  const Subscription sub =
      subscribed(*client, "a", [&](const MessageView& message) { kept.push_back(message.retain()); });
  std::string large(64 * 1024, 'l');
  const char* const bytes = large.data();
  Headers headers;
  REQUIRE(headers.add("k", "v").ok());
  REQUIRE(client->publish("a", headers, "small", "r").ok());
  REQUIRE(client->publish("a", Payload::from(std::move(large))).ok());
  for (int i = 0; i < 100; ++i) REQUIRE(client->publish("b", std::string(1000, 'z')).ok());
  world.settle();
  REQUIRE(kept.size() == 2);
  Message moved = std::move(kept[0]);
  CHECK(moved->payload == "small");
  CHECK(moved->header("k") == "v");
  CHECK(moved->reply == "r");
  CHECK(kept[1]->payload == std::string(64 * 1024, 'l'));
  CHECK(kept[1]->payload.data() == bytes);
  world.server.reset();
  CHECK(kept[1]->payload.back() == 'l');  // longer than the server, too
  CHECK(moved->subject == "a");
}

TEST_CASE("after the server every call answers that it is closed") {
  World world;
  auto client = world.client();
  Seen seen;
  Subscription sub = subscribed(*client, "a", seen.callback());
  std::vector<Errc> replies;
  const Subscription silent = subscribed(*client, "silent", [](const MessageView&) {});
  REQUIRE(client->request("silent", "", milliseconds(60'000), [&](Result<MessageView> reply) {
    replies.push_back(reply.ok() ? Errc::ok : reply.error().code);
  }).ok());
  bool released = false;
  REQUIRE(client->publish("a", Payload::adopt("bytes", 5, [](void* flag) {
    *static_cast<bool*>(flag) = true;
  }, &released)).ok());
  SUBCASE("stopped") { world.server->stop(); }
  SUBCASE("destroyed") { world.server.reset(); }
  CHECK(replies == std::vector<Errc>{Errc::closed});
  CHECK(released);
  CHECK(client->closed());
  Payload payload = Payload::copy("mine");
  CHECK(code_of(client->publish("a", std::move(payload))) == Errc::closed);
  CHECK(payload.view() == "mine");
  CHECK(client->subscribe("b", "", seen.callback()).error().code == Errc::closed);
  CHECK(code_of(client->flush(milliseconds(1))) == Errc::closed);
  CHECK(code_of(client->request("a", "", milliseconds(1), [](Result<MessageView>) {})) ==
        Errc::closed);
  sub.close();
  client->close();
  client.reset();
  if (world.server != nullptr)
    CHECK(world.server->connect().error().code == Errc::closed);
}

TEST_CASE("credentials are checked as on TCP, none are trusted") {
  Options options = local_options();
  options.authorization.user = "ann";
  options.authorization.password = "secret";
  World world(options);
  ClientOptions wrong, right;
  wrong.user = right.user = "ann";
  wrong.password = "guess";
  right.password = "secret";
  CHECK(world.server->connect(wrong).error().code == Errc::denied);
  CHECK(world.client(right)->publish("a", "x").ok());
  CHECK(world.client()->publish("a", "x").ok());
}

TEST_CASE("a client counts as a connection, and is shown as one") {
  Options options = local_options();
  options.max_connections = 2;
  options.http_port = -1;
  World world(options);
  ClientOptions named;
  named.name = "inside";
  auto a = world.client(named);
  auto b = world.client();
  CHECK(a->id() != b->id());
  CHECK(world.server->connect().error().code == Errc::exhausted);
  const Subscription sub = subscribed(*a, "some.subject", [](const MessageView&) {});
  auto http = TcpClient::dial(static_cast<uint16_t>(world.server->monitor_port()));
  REQUIRE(http.has_value());
  Talk talk(std::move(*http));
  talk.say("GET /connz?subs=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(talk.hears(world, "in-process"));
  CHECK(talk.hears(world, "inside"));
  CHECK(talk.hears(world, "some.subject"));
  b.reset();
  world.settle();
  CHECK(world.client() != nullptr);
}

TEST_CASE("the log callback may not call a client, and is told so") {
  Options options = local_options();
  options.max_pending = 64 * 1024;
  options.max_payload = 60 * 1024;
  std::unique_ptr<Client> caller;
  Errc said = Errc::ok;
  options.log = [&](LogLevel, std::string_view line) {
    if (caller != nullptr && line.find("Slow Consumer") != std::string_view::npos)
      said = code_of(caller->publish("b", "x"));
  };
  World world(options);
  auto subscriber = world.client();
  caller = world.client();
  const Subscription sub = subscribed(*subscriber, "a", [](const MessageView&) {});
  for (int i = 0; i < 2; ++i) REQUIRE(caller->publish("a", std::string(40'000, 'x')).ok());
  world.settle();
  CHECK(said == Errc::invalid_argument);
  caller.reset();
}
