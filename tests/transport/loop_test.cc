// Proves the turns of a Loop: phases around poll, wakes from other threads, the one timer, not
// sleeping while there is work, and that a PollHandle may go away at any moment.
#include "transport/loop.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/transport/no_descriptors.h"

using namespace pipit::net;

namespace {

struct SocketPair {
  SocketPair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0); }
  ~SocketPair() {
    close(fds[0]);
    close(fds[1]);
  }
  int fds[2];
};

}  // namespace

TEST_CASE("a turn is: before poll, events, after poll") {
  Loop loop;
  REQUIRE(loop.status() == 0);
  std::string order;
  loop.set_phases([&] { order += 'b'; },
                  [&] {
                    order += 'a';
                    if (order.find('w') != std::string::npos) loop.stop();
                  });
  loop.set_wake([&] { order += 'w'; });
  loop.wake();
  loop.wake();  // may become one with the first
  loop.run();
  CHECK(order == "bwa");
}

TEST_CASE("wakes from many threads are all seen by the state they announce") {
  Loop loop;
  constexpr int kThreads = 4, kEach = 500;
  std::atomic<int> announced{0};
  int seen = 0;
  loop.set_wake([&] {
    seen = announced.load();
    if (seen == kThreads * kEach) loop.stop();
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < kEach; ++k) {
        announced.fetch_add(1);
        loop.wake();
      }
    });
  }
  loop.run();  // a lost wake would hang here
  for (std::thread& thread : threads) thread.join();
  CHECK(seen == kThreads * kEach);
}

TEST_CASE("the timer fires once per arming, and not when turned off") {
  Loop loop;
  int fired = 0;
  loop.set_timer([&] {
    if (++fired < 3) {
      loop.arm_timer(1);
    } else {
      loop.stop();
    }
  });
  loop.arm_timer(60'000);
  loop.arm_timer(0);  // replaces the first
  loop.run();
  CHECK(fired == 3);
  loop.arm_timer(0);
  loop.arm_timer(-1);
  uv_run(loop.uv(), UV_RUN_NOWAIT);
  CHECK(fired == 3);
}

TEST_CASE("a busy loop turns without an event, and sleeps again when it is done") {
  Loop loop;
  int turns = 0;
  bool timed_out = false;
  loop.set_timer([&] {
    timed_out = true;
    loop.stop();
  });
  loop.set_phases(
      [&] {
        ++turns;
        loop.do_not_sleep(turns < 1000);
        if (turns == 1000) loop.arm_timer(10);  // armed here, it still ends this turn's sleep
      },
      [] {});
  loop.run();
  CHECK(timed_out);
  CHECK(turns >= 1000);
  CHECK(turns < 1010);
}

TEST_CASE("a poll handle reports what it watches and nothing after that changed") {
  Loop loop;
  SocketPair sockets;
  int events = 0, calls = 0;
  auto on_poll = [](void* context, int e) {
    (*static_cast<std::function<void(int)>*>(context))(e);
  };
  std::function<void(int)> record = [&](int e) {
    events |= e;
    ++calls;
  };
  PollHandle poll;
  REQUIRE(poll.open(loop.uv(), sockets.fds[0], on_poll, &record) == 0);
  poll.watch(UV_READABLE);
  uv_run(loop.uv(), UV_RUN_NOWAIT);
  CHECK(calls == 0);
  REQUIRE(write(sockets.fds[1], "x", 1) == 1);
  uv_run(loop.uv(), UV_RUN_ONCE);
  CHECK(events == UV_READABLE);
  poll.watch(UV_WRITABLE);
  events = 0;
  uv_run(loop.uv(), UV_RUN_ONCE);
  CHECK(events == UV_WRITABLE);
  poll.watch(0);
  calls = 0;
  uv_run(loop.uv(), UV_RUN_NOWAIT);
  CHECK(calls == 0);

  SUBCASE("another context takes over") {
    int others = 0;
    std::function<void(int)> other = [&](int) { ++others; };
    poll.set_context(on_poll, &other);
    poll.watch(UV_READABLE);
    uv_run(loop.uv(), UV_RUN_ONCE);
    CHECK(others == 1);
    CHECK(calls == 0);
  }
  SUBCASE("closed with events pending") {
    poll.watch(UV_READABLE);
    poll.close();
    poll.close();
    CHECK(poll.watched() == 0);
    poll.watch(UV_READABLE);
    uv_run(loop.uv(), UV_RUN_NOWAIT);
    CHECK(calls == 0);
  }
}

TEST_CASE(
    "a poll handle may be destroyed inside its own callback, or by another in the same turn") {
  Loop loop;
  SocketPair first, second;
  std::unique_ptr<PollHandle> polls[2];
  struct Context {
    std::unique_ptr<PollHandle>* polls;
    int calls;
  } context{polls, 0};
  auto on_poll = [](void* c, int) {
    auto* mine = static_cast<Context*>(c);
    ++mine->calls;
    mine->polls[0].reset();
    mine->polls[1].reset();
  };
  int fds[] = {first.fds[0], second.fds[0]};
  for (int i = 0; i < 2; ++i) {
    polls[i] = std::make_unique<PollHandle>();
    REQUIRE(polls[i]->open(loop.uv(), fds[i], on_poll, &context) == 0);
    polls[i]->watch(UV_READABLE);
  }
  REQUIRE(write(first.fds[1], "x", 1) == 1);
  REQUIRE(write(second.fds[1], "x", 1) == 1);
  uv_run(loop.uv(), UV_RUN_ONCE);
  uv_run(loop.uv(), UV_RUN_NOWAIT);
  CHECK(context.calls == 1);
}

TEST_CASE("a loop without descriptors says so and can still be destroyed") {
  for (rlim_t spare : {0, 1, 2, 3}) {
    NoDescriptors few(spare);
    Loop loop;
    CHECK(loop.status() <= 0);
    if (spare == 0) CHECK(loop.status() == UV_EMFILE);
  }
}

TEST_CASE("the clock does not go back") {
  int64_t last = Loop::now_ns();
  for (int i = 0; i < 1000; ++i) {
    int64_t now = Loop::now_ns();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("a guest shares somebody's loop, and lets go of it when that one turns") {
  uv_loop_t host;
  REQUIRE(uv_loop_init(&host) == 0);
  SocketPair sockets;
  std::string order;
  int poll_closed = 0;
  auto loop = std::make_unique<Loop>(&host);
  REQUIRE(loop->status() == 0);
  loop->set_phases([&] { order += 'b'; }, [&] { order += 'a'; });
  loop->set_wake([&] { order += 'w'; });
  loop->wake();
  uv_run(&host, UV_RUN_NOWAIT);
  CHECK(order == "bwa");
  // One that is closed in the same turn, before the guest: let go of before `closed` comes.
  uv_timer_t before;
  uv_timer_init(&host, &before);
  before.data = &poll_closed;
  uv_close(reinterpret_cast<uv_handle_t*>(&before),
           [](uv_handle_t* handle) { ++*static_cast<int*>(handle->data); });
  int closed = 0;
  loop->close([&] { closed += 100; });
  loop->close([&] {  // replaces the first
    ++closed;
    CHECK(poll_closed == 1);
  });
  loop->wake();
  loop->arm_timer(0);
  SUBCASE("the guest is there until then") {}
  SUBCASE("the guest has gone") { loop.reset(); }
  CHECK(closed == 0);
  uv_run(&host, UV_RUN_DEFAULT);
  CHECK(closed == 1);
  CHECK(order == "bwa");
  loop.reset();
  CHECK(uv_loop_close(&host) == 0);
}

TEST_CASE("a loop turned by hand says when its descriptor does not know of everything") {
  Loop loop;
  loop.turn();
  CHECK_FALSE(loop.must_turn());
  SocketPair sockets;
  PollHandle poll;
  int calls = 0;
  poll.open(
      loop.uv(), sockets.fds[0], [](void* c, int) { ++*static_cast<int*>(c); }, &calls);
  poll.watch(UV_READABLE);
  CHECK(loop.must_turn());
  loop.turn();
  CHECK_FALSE(loop.must_turn());
  pollfd backend{loop.backend_fd(), POLLIN, 0};
  CHECK(::poll(&backend, 1, 0) == 0);
  REQUIRE(write(sockets.fds[1], "x", 1) == 1);
  CHECK(::poll(&backend, 1, 0) == 1);
  loop.turn();
  CHECK(calls == 1);
}
