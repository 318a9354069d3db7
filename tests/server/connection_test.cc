// Proves what a connection owes its client at moments that no transcript can arrange: when the
// reactor had slept, when output leaves in the middle of a turn, when the peer has hung up half, and
// how long a publisher is held back. The broker is whole; its clock and its turns are the test's.
#include "server/connection.h"

#include <doctest/doctest.h>

#include "tests/server/small_broker.h"
#include "tests/support/ws_frame.h"

using namespace pipit;
using test::pub;
using test::SmallBroker;
using test::take;

namespace {

size_t count(std::string_view text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// A stream whose writes are a moment in which another reactor takes its turn.
class Interlude final : public net::ByteStream {
 public:
  Interlude(SmallBroker::Pipe pipe, std::function<void()> other) : pipe_(pipe), other_(other) {}
  size_t write(std::span<const iovec> parts) override {
    other_();
    return pipe_->write(parts);
  }
  void pause_reading() override { pipe_->pause_reading(); }
  void resume_reading() override { pipe_->resume_reading(); }
  void start(net::StreamHandler* handler) override { pipe_->start(handler); }
  void close(uint16_t code, std::string_view why) override { pipe_->close(code, why); }
  const net::PeerAddress& peer() const override { return pipe_->peer(); }

 private:
  SmallBroker::Pipe pipe_;
  std::function<void()> other_;
};

}  // namespace

TEST_CASE("the auth timeout begins when the upgrade comes, however long the reactor had slept") {
  Options options;
  options.websocket.port = -1;
  options.websocket.authorization.token = "secret";
  options.websocket.authorization.timeout_ns = kNsPerSecond;
  SmallBroker small(1, options);
  const SmallBroker::Pipe pipe = small.connect(0, Wire::websocket);
  small.turn(0);
  SmallBroker::now_ns() += 5 * kNsPerSecond;
  pipe->feed(test::upgrade_request("/", ""));
  small.turn(0);
  CHECK(take(pipe).find("Authentication Timeout") == std::string::npos);
  SmallBroker::now_ns() += 2 * kNsPerSecond;
  small.turn(0);
  CHECK(take(pipe).find("Authentication Timeout") != std::string::npos);
}

TEST_CASE("output that leaves in the middle of a turn does not overtake what others shall get") {
  SmallBroker small(2);
  const SmallBroker::Pipe listener = small.client(1, "SUB far 1\r\n");
  const SmallBroker::Pipe publisher = small.client(0, "SUB near 1\r\n");
  std::string text = "PUB far 2\r\nhi\r\nPING\r\n";
  for (int i = 0; i < 3; ++i) text += pub("near", 40'000);
  publisher->feed(text);
  REQUIRE(take(publisher).find("PONG") != std::string::npos);  // before the turn's end
  listener->feed("PING\r\n");
  small.turn(1);
  const std::string got = take(listener);
  CHECK(got.find("MSG far") < got.find("PONG"));
}

TEST_CASE("output that leaves when a slow reader has room again does not overtake either") {
  SmallBroker small(2);
  const SmallBroker::Pipe listener = small.client(1, "SUB far 1\r\n");
  const SmallBroker::Pipe publisher = small.client(0);
  publisher->allow(1);
  publisher->feed("PING\r\n");
  small.turn(0);
  publisher->feed("PUB far 2\r\nhi\r\nPING\r\n");
  publisher->allow(SIZE_MAX);
  REQUIRE(count(take(publisher), "PONG") == 2);
  listener->feed("PING\r\n");
  small.turn(1);
  const std::string got = take(listener);
  CHECK(got.find("MSG far") < got.find("PONG"));
}

TEST_CASE("who sends is not stale, even if it answers no PING") {
  Options options;
  options.ping_interval_ns = kNsPerSecond;
  SmallBroker small(1, options);
  const SmallBroker::Pipe busy = small.client(0), idle = small.client(0);
  for (int i = 0; i < 100; ++i) {
    SmallBroker::now_ns() += kNsPerSecond / 10;
    busy->feed("PUB a 0\r\n\r\n");
    small.turn(0);
  }
  CHECK(count(take(busy), "PING") == 1);
  CHECK_FALSE(busy->closed());
  CHECK(take(idle).find("-ERR 'Stale Connection'") != std::string::npos);
  CHECK(idle->closed());
}

// nats-server: TestPingNotSentTooSoon. Clients that wait for the answer to their CONNECT and PING do not
// expect a PING before it.
TEST_CASE("the first PING comes two seconds after CONNECT, and never before") {
  SmallBroker small(1);
  constexpr int64_t kStep = kNsPerSecond / 100;
  const auto first_ping_ns = [&](const SmallBroker::Pipe& client) {
    const int64_t start = SmallBroker::now_ns();
    while (SmallBroker::now_ns() < start + 3 * kNsPerSecond) {
      SmallBroker::now_ns() += kStep;
      small.turn(0);
      if (count(take(client), "PING") > 0) return SmallBroker::now_ns() - start;
    }
    return int64_t{0};
  };
  for (int i = 0; i < 20; ++i) {
    const SmallBroker::Pipe silent = small.connect(0);
    CHECK(first_ping_ns(silent) == 0);  // no CONNECT: the ping interval is far away
    silent->feed("CONNECT {\"verbose\":false}\r\n");
    small.settle();
    const int64_t first = first_ping_ns(silent);
    CHECK(first >= 2 * kNsPerSecond);
    CHECK(first <= 2 * kNsPerSecond + 2 * kNsPerSecond / 5 + kStep);
    silent->feed("PONG\r\n");
    // It has measured the way, and comes again with the interval.
    CHECK(first_ping_ns(silent) == 0);
    silent->end();
    small.settle();
  }
}

TEST_CASE("who hangs up half still gets what it is owed") {
  SmallBroker small(1);
  const SmallBroker::Pipe client = small.client(0, "SUB a 1\r\n");
  client->allow(10'000);
  client->feed(pub("a", 50'000) + "PING\r\n");
  client->end();
  small.turn(0);
  CHECK_FALSE(client->closed());
  client->allow(SIZE_MAX);
  small.settle();
  CHECK(client->closed());
  const std::string got = take(client);
  CHECK(got.size() > 50'000);
  CHECK(got.ends_with("PONG\r\n"));
}

TEST_CASE("who hangs up half and never reads is waited for a tenth of a second") {
  SmallBroker small(1);
  const SmallBroker::Pipe client = small.client(0, "SUB a 1\r\n");
  client->allow(10'000);
  client->feed(pub("a", 50'000));
  client->end();
  small.turn(0);
  SmallBroker::now_ns() += 100 * kNsPerMs;
  small.turn(0);
  CHECK(client->closed());
  CHECK(small[0].connection_count() == 0);
}

TEST_CASE("a publisher is held back ten milliseconds for what it sent at once, not longer") {
  Options options;
  options.max_pending = 4'000'000;
  options.max_payload = 1'000'000;
  SmallBroker small(1, options);
  const SmallBroker::Pipe behind = small.client(0, "SUB a 1\r\n");
  const SmallBroker::Pipe well = small.client(0, "SUB a 1\r\n");
  const SmallBroker::Pipe publisher = small.client(0);
  behind->allow(1);
  publisher->feed(pub("a", 990'000));
  publisher->feed(pub("a", 990'000));
  publisher->feed(pub("a", 990'000));
  small.settle();
  CHECK(count(take(well), "MSG a") == 3);
  // `behind` is at three quarters: each of these could hold the publisher back.
  std::string text;
  for (int i = 0; i < 100; ++i) text += pub("a", 500);
  publisher->feed(text);
  small.settle();
  CHECK(count(take(well), "MSG a") < 100);
  CHECK_FALSE(publisher->reading());
  for (int i = 0; i < 10; ++i) {
    SmallBroker::now_ns() += kNsPerMs;
    small.settle();
  }
  CHECK(publisher->reading());
  CHECK(small[0].counters().stalled_clients == 2);
  CHECK_FALSE(behind->closed());
}

TEST_CASE("what is remembered of closed connections is bounded in bytes too") {
  SmallBroker small(1);
  std::string subscribe;
  for (int i = 0; i < 256; ++i)
    subscribe += "SUB " + std::string(3000, 'a') + " " + std::to_string(i) + "\r\n";
  for (int i = 0; i < 40; ++i) {
    small.client(0, subscribe)->end();
    small.settle();
  }
  SnapshotRequest request;
  request.closed = true;
  const std::vector<ConnectionSnapshot> closed = small[0].snapshot(request).closed;
  size_t bytes = 0;
  for (const ConnectionSnapshot& one : closed) bytes += one.bytes();
  CHECK(bytes > 8'000'000);
  CHECK(bytes <= 16 * 1024 * 1024);
  CHECK(closed.back().cid == 40);
}

TEST_CASE("what another reactor had for a subscription before its UNSUB is delivered") {
  SmallBroker small(2);
  const SmallBroker::Pipe leaving = small.client(1, "SUB a 1\r\n");
  const SmallBroker::Pipe publisher = small.client(0, "SUB b 1\r\n");
  publisher->feed(pub("a", 5));
  small[0].turn();  // under way to reactor 1
  leaving->feed("UNSUB 1\r\n");
  small.settle();
  publisher->feed(pub("a", 5));
  small.settle();
  CHECK(count(take(leaving), "MSG a 1") == 1);
}

TEST_CASE("a request whose only responder is gone when it gets to that reactor is answered 503") {
  SmallBroker small(2);
  for (const char* queue : {"", "workers "}) {
    const SmallBroker::Pipe responder = small.client(1, "SUB ask " + std::string(queue) + "1\r\n");
    const SmallBroker::Pipe asking = small.client(0, "SUB inbox 1\r\n");
    asking->feed("PUB ask inbox 0\r\n\r\n");
    small[0].turn();  // under way to reactor 1
    responder->end();
    small.settle();
    const std::string got = take(asking);
    CHECK(count(got, "HMSG inbox 1") == 1);
    CHECK(count(got, "NATS/1.0 503") == 1);
    asking->end();
    small.settle();
  }
}

TEST_CASE("a request to several that are all gone when it gets there is answered 503, once") {
  SmallBroker small(4);
  std::vector<SmallBroker::Pipe> responders;
  SUBCASE("on other reactors") {
    for (const size_t reactor : {1, 2, 3})
      responders.push_back(small.client(reactor, "SUB ask 1\r\n"));
  }
  SUBCASE("in queue groups") {
    for (const size_t reactor : {1, 2}) {
      responders.push_back(small.client(reactor, "SUB ask one 1\r\n"));
      responders.push_back(small.client(reactor, "SUB ask two 1\r\nSUB * 2\r\n"));
    }
  }
  const SmallBroker::Pipe asking = small.client(0, "SUB inbox 1\r\n");
  asking->feed("PUB ask inbox 0\r\n\r\n");
  small[0].turn();  // under way to the others
  for (const SmallBroker::Pipe& responder : responders) responder->end();
  small.settle();
  CHECK(count(take(asking), "NATS/1.0 503") == 1);
}

TEST_CASE("a request to several of whom one is left is not answered 503") {
  SmallBroker small(3);
  const SmallBroker::Pipe asking = small.client(0, "SUB inbox 1\r\n");
  std::string where;
  SUBCASE("on the publisher's reactor") { where = "0"; }
  SUBCASE("on another") { where = "2"; }
  const SmallBroker::Pipe there = small.client(where == "0" ? 0 : 2, "SUB ask 1\r\n");
  const SmallBroker::Pipe gone = small.client(1, "SUB ask 1\r\n");
  const SmallBroker::Pipe member = small.client(1, "SUB ask group 1\r\n");
  asking->feed("PUB ask inbox 0\r\n\r\n");
  small[0].turn();
  gone->end();
  member->end();
  small.settle();
  CHECK(count(take(there), "MSG ask 1 inbox 0") == 1);
  CHECK(take(asking).empty());
}

TEST_CASE("a request that one of two reactors takes is not answered 503") {
  SmallBroker small(3);
  const SmallBroker::Pipe gone = small.client(1, "SUB ask 1\r\n");
  const SmallBroker::Pipe there = small.client(2, "SUB ask 1\r\n");
  const SmallBroker::Pipe asking = small.client(0, "SUB inbox 1\r\n");
  asking->feed("PUB ask inbox 0\r\n\r\n");
  small[0].turn();
  gone->feed("UNSUB 1\r\n");
  small.settle();
  CHECK(count(take(there), "MSG ask 1 inbox 0") == 1);
  CHECK(take(asking).empty());
}

TEST_CASE("a reactor does not sleep on publishers that wait for a ring which has room by now") {
  SmallBroker small(2);
  const SmallBroker::Pipe listener = small.client(1, "SUB far 1\r\n");
  const SmallBroker::Pipe publisher = small.client(0), first = std::make_shared<net::MemoryStream>();
  bool busy = false;
  small[0].adopt(Wire::tcp, [&](Connection&) -> std::unique_ptr<net::ByteStream> {
    return std::make_unique<Interlude>(first, [&] {
      if (busy) small[1].turn();
    });
  });
  const SmallBroker::Pipe second = small.client(0);
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "PUB far 0\r\n\r\n";
  publisher->feed(text);
  CHECK_FALSE(publisher->reading());
  first->feed("PING\r\n");
  second->feed("PING\r\n");
  busy = true;
  small[0].turn();
  busy = false;
  CHECK_FALSE(small[0].mailbox().congested());
  CHECK_FALSE(small[0].prepare_sleep());
  small.settle();
  CHECK(count(take(listener), "MSG far") == 1500);
}

TEST_CASE("others need not wait until the many subscriptions of who left are gone") {
  SmallBroker small(1);
  std::string subscribe;
  for (int i = 0; i < 10'000; ++i) {
    const std::string n = std::to_string(i);
    subscribe += "SUB x." + n + " " + n + "\r\n";
  }
  const SmallBroker::Pipe leaver = small.client(0, subscribe), other = small.client(0);
  leaver->end();
  other->feed("PING\r\n");
  small[0].turn();
  CHECK(take(other).starts_with("PONG"));
  CHECK(small.broker.account.interest.stats().subscriptions > 5'000);
  CHECK_FALSE(small[0].prepare_sleep());
  other->feed("PUB x.1 0\r\n\r\n");
  small.settle();
  CHECK(leaver->closed());
  CHECK(small.broker.account.interest.stats().subscriptions == 0);
  CHECK(small[0].connection_count() == 1);
}
