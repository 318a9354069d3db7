// Proves Clients of a server with threads of its own, used by other threads: order, fences, waiting
// for replies, payloads handed over to every reactor without a copy, and closing while messages flow.
// For TSan as much as for the checks. Nothing here waits for time to pass, only for what it expects.
#include "pipit/client.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/embedded.h"

using namespace pipit;
using namespace pipit::test;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLong{20'000};

struct World {
  explicit World(uint32_t reactors, Options options = local_options()) {
    options.reactors = reactors;
    server = started(std::move(options));
  }
  std::unique_ptr<Client> client() {
    auto made = server->connect();
    REQUIRE_MESSAGE(made.ok(), made.error().text);
    return std::move(made).value();
  }
  // Connections take turns among reactors of equal load: one on each.
  std::vector<std::unique_ptr<Client>> clients(size_t count) {
    std::vector<std::unique_ptr<Client>> made;
    for (size_t i = 0; i < count; ++i) made.push_back(client());
    return made;
  }
  std::unique_ptr<Server> server;
};

Subscription subscribed(Client& client, std::string_view subject, Client::OnMessage callback) {
  auto made = client.subscribe(subject, "", std::move(callback));
  REQUIRE_MESSAGE(made.ok(), made.error().text);
  return std::move(made).value();
}

// Something that a callback does and a test waits for.
class Tally {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool reaches(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t count_ = 0;
};

// Publishes, and comes again while too much is under way.
void publish(Client& client, std::string_view subject, std::string_view payload) {
  for (;;) {
    auto result = client.publish(subject, payload);
    if (result.ok()) return;
    REQUIRE(result.error().code == Errc::slow_consumer);
    std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("what one thread publishes arrives in its order, at clients on every reactor") {
  constexpr uint64_t kCount = 20'000;
  World world(3);
  auto receivers = world.clients(3);
  auto sender = world.client();
  std::array<uint64_t, 3> next{}, wrong{};
  std::vector<Subscription> subs;
  for (size_t i = 0; i < 3; ++i)
    subs.push_back(subscribed(*receivers[i], "n", [&, i](const MessageView& message) {
      if (std::stoull(std::string(message.payload)) != next[i]++) ++wrong[i];
    }));
  for (auto& receiver : receivers) REQUIRE(receiver->flush(kLong).ok());
  for (uint64_t n = 0; n < kCount; ++n)
    publish(*sender, "n", std::to_string(n) + std::string(n % 500 == 0 ? 5000 : 0, ' '));
  REQUIRE(sender->flush(kLong).ok());
  // The sender's fence proves that all is on its way, each receiver's that its callbacks had it.
  for (auto& receiver : receivers) REQUIRE(receiver->flush(kLong).ok());
  CHECK(next == std::array<uint64_t, 3>{kCount, kCount, kCount});
  CHECK(wrong == std::array<uint64_t, 3>{});
}

// What is published without a pause meets a full ring again and again, and as often a reactor that
// has just made room. A wake that is lost is a flush() that comes too late.
TEST_CASE("flush() waits for room, and is woken when there is some") {
  World world(1);
  auto sender = world.client(), receiver = world.client();
  std::atomic<uint64_t> got{0};
  auto sub = subscribed(*receiver, "n", [&](const MessageView&) { ++got; });
  REQUIRE(receiver->flush(kLong).ok());
  uint64_t waits = 0, published = 0;
  while (waits < 300) {
    const auto result = sender->publish("n", "x");
    if (result.ok()) {
      ++published;
      continue;
    }
    REQUIRE(result.error().code == Errc::slow_consumer);
    REQUIRE(sender->flush(kLong).ok());
    ++waits;
  }
  REQUIRE(receiver->flush(kLong).ok());
  CHECK(got == published);
}

TEST_CASE("a subscription that was flushed misses nothing published after it anywhere") {
  World world(2);
  auto pair = world.clients(2);
  for (int i = 0; i < 50; ++i) {
    const std::string subject = "fence." + std::to_string(i);
    bool got = false;
    const Subscription sub =
        subscribed(*pair[0], subject, [&](const MessageView&) { got = true; });
    REQUIRE(pair[0]->flush(kLong).ok());
    publish(*pair[1], subject, "x");
    REQUIRE(pair[1]->flush(kLong).ok());
    REQUIRE(pair[0]->flush(kLong).ok());
    CHECK(got);
  }
}

TEST_CASE("a payload of 64 KiB that is handed over is read where it lies, by subscribers on every reactor") {
  constexpr size_t kSize = 64 * 1024;
  World world(4);
  auto receivers = world.clients(4);
  auto sender = world.client();
  struct Owner {
    std::string bytes = std::string(kSize, 'p');
    std::atomic<int> released{0};
  } owner;
  std::atomic<int> same{0}, other{0};
  std::vector<Subscription> subs;
  for (auto& receiver : receivers) {
    subs.push_back(subscribed(*receiver, "big", [&](const MessageView& message) {
      const bool there = message.payload.data() == owner.bytes.data() &&
                         message.payload.size() == kSize;
      ++(there ? same : other);
      if (owner.released != 0) ++other;
    }));
    REQUIRE(receiver->flush(kLong).ok());
  }
  Payload payload = Payload::adopt(
      owner.bytes.data(), kSize, [](void* o) { ++static_cast<Owner*>(o)->released; }, &owner);
  SUBCASE("alone") { REQUIRE(sender->publish("big", std::move(payload)).ok()); }
  SUBCASE("with headers") {
    Headers headers;
    REQUIRE(headers.add("a", "b").ok());
    REQUIRE(sender->publish("big", headers, std::move(payload)).ok());
  }
  REQUIRE(sender->flush(kLong).ok());
  for (auto& receiver : receivers) REQUIRE(receiver->flush(kLong).ok());
  CHECK(same == 4);
  CHECK(other == 0);
  world.server->stop();
  CHECK(owner.released == 1);
}

TEST_CASE("payloads are given back exactly once, whatever becomes of them") {
  std::atomic<int> released{0};
  const auto payload = [&](const std::string& bytes) {
    return Payload::adopt(
        bytes.data(), bytes.size(), [](void* n) { ++*static_cast<std::atomic<int>*>(n); },
        &released);
  };
  const std::string small(10, 's'), large(100'000, 'l');
  int taken = 0;
  {
    World world(2);
    auto pair = world.clients(2);
    const Subscription sub = subscribed(*pair[0], "a", [](const MessageView&) {});
    REQUIRE(pair[0]->flush(kLong).ok());
    for (const std::string* bytes : {&small, &large})
      for (const char* subject : {"a", "nobody", "not valid"}) {
        taken += pair[1]->publish(subject, payload(*bytes)).ok() ? 1 : 0;
        taken += 0;
      }
    CHECK(taken == 4);
    // Some are still in the ring when the server ends.
  }
  CHECK(released == 6);
}

TEST_CASE("a thread waits for its reply; another one answers") {
  World world(2);
  auto pair = world.clients(2);
  const Subscription answers = subscribed(*pair[1], "ask", [&](const MessageView& message) {
    CHECK(pair[1]->respond(message, "re " + std::string(message.payload)).ok());
  });
  const Subscription silent = subscribed(*pair[1], "silent", [](const MessageView&) {});
  REQUIRE(pair[1]->flush(kLong).ok());
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(i);
    auto reply = pair[0]->request("ask", n, kLong);
    REQUIRE(reply.ok());
    CHECK(reply.value()->payload == "re " + n);
  }
  CHECK(pair[0]->request("nobody", "", kLong).error().code == Errc::no_responders);
  CHECK(pair[0]->request("silent", "", milliseconds(1)).error().code == Errc::timeout);
}

#ifndef NDEBUG
TEST_CASE("a second thread that uses a client is told so, by every call") {
  World world(1);
  auto server = world.client(), client = world.client();
  std::string inbox;
  Tally asked;
  auto sub = subscribed(*server, "ask", [&](const MessageView& message) {
    inbox = message.reply;
    asked.add();
  });
  REQUIRE(server->flush(kLong).ok());
  std::thread first([&] { CHECK(client->request("ask", "", kLong).ok()); });
  REQUIRE(asked.reaches(1));  // so the first one is waiting in its call
  const auto told = [](const Error& error, std::string_view where) {
    CHECK(error.code == Errc::invalid_argument);
    CHECK(error.text == "two threads use this client at a time");
    CHECK(std::string_view(error.where) == where);
  };
  Payload payload = Payload::copy("mine");
  told(client->publish("a", std::move(payload)).error(), "Client::publish");
  CHECK(payload.view() == "mine");
  told(client->publish("a", "x").error(), "Client::publish");
  told(client->subscribe("a", "", [](const MessageView&) {}).error(), "Client::subscribe");
  told(client->request("a", "", kLong, [](Result<MessageView>) {}).error(), "Client::request");
  told(client->request("a", "", kLong).error(), "Client::request");
  MessageView message;
  message.reply = "a";
  told(client->respond(message, "x").error(), "Client::respond");
  told(client->flush(kLong).error(), "Client::flush");
  CHECK_FALSE(client->closed());
  REQUIRE(server->publish(inbox, "answer").ok());
  first.join();
  CHECK(client->publish("a", "x").ok());  // one after the other is right
}
#endif

TEST_CASE("a client may be made and used before the server starts") {
  Options options = local_options();
  auto server = made(std::move(options));
  auto connected = server->connect();
  REQUIRE(connected.ok());
  auto client = std::move(connected).value();
  Tally tally;
  const Subscription sub = subscribed(*client, "early", [&](const MessageView&) { tally.add(); });
  REQUIRE(client->publish("early", "bird").ok());
  CHECK(client->flush(milliseconds(1)).error().code == Errc::timeout);
  SUBCASE("and runs then") {
    REQUIRE(server->start().ok());
    CHECK(client->flush(kLong).ok());
    CHECK(tally.reaches(1));
  }
  SUBCASE("and is closed if that never happens") {
    server.reset();
    CHECK(client->publish("early", "x").error().code == Errc::closed);
  }
}

TEST_CASE("close() waits for the callback that runs, and none comes after it") {
  World world(2);
  auto pair = world.clients(2);
  for (int i = 0; i < 100; ++i) {
    // What the callback touches is gone right after close().
    auto alive = std::make_unique<std::atomic<uint64_t>>(1);
    Tally started;
    Subscription sub = subscribed(*pair[0], "a", [&, flag = alive.get()](const MessageView&) {
      flag->fetch_add(1);
      started.add();
      flag->fetch_add(1);
    });
    REQUIRE(pair[0]->flush(kLong).ok());
    for (int n = 0; n < 20; ++n) publish(*pair[1], "a", "x");
    if (i % 2 == 0) REQUIRE(started.reaches(1));
    sub.close();
    alive.reset();
  }
}

TEST_CASE("a client that closes has no callback running, and what it published still goes out") {
  World world(2);
  auto receiver = world.client();
  Tally arrived;
  const Subscription sub = subscribed(*receiver, "last", [&](const MessageView&) { arrived.add(); });
  REQUIRE(receiver->flush(kLong).ok());
  for (size_t i = 0; i < 50; ++i) {
    auto client = world.client();
    auto alive = std::make_unique<std::atomic<int>>(0);
    Subscription own =
        subscribed(*client, "own", [flag = alive.get()](const MessageView&) { ++*flag; });
    for (int n = 0; n < 10; ++n) publish(*client, "own", "x");
    publish(*client, "last", "word");
    client->close();
    alive.reset();
    CHECK(client->closed());
    CHECK(arrived.reaches(i + 1));
  }
}

TEST_CASE("clients come and go on many threads while messages flow, and the server stops among them") {
  World world(2);
  std::atomic<bool> over{false};
  std::atomic<uint64_t> heard{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int round = 0; !over; ++round) {
        auto made = world.server->connect();
        if (!made.ok()) {
          CHECK(made.error().code == Errc::closed);
          return;
        }
        auto client = std::move(made).value();
        auto sub = client->subscribe("t.*", t % 2 == 0 ? "" : "group",
                                     [&](const MessageView& message) {
                                       heard += message.payload.size();
                                       if (!message.reply.empty())
                                         (void)client->respond(message, "yes");
                                     });
        for (int n = 0; n < 50; ++n)
          (void)client->publish("t." + std::to_string(t), std::string(size_t(n) * 100, 'x'));
        (void)client->request("t.0", "?", milliseconds(1000));
        if (round % 3 == 0) (void)client->flush(milliseconds(1000));
        if (round % 2 == 0 && sub.ok()) sub.value().close();
      }
    });
  while (heard < 1'000'000) std::this_thread::yield();
  SUBCASE("stop() while they are at it") { world.server->stop(); }
  SUBCASE("when they are through") {}
  over = true;
  for (std::thread& thread : threads) thread.join();
  world.server.reset();
}
