// Proves the mailbox: order per pair, nothing lost when a ring is full, one wake per sleeper, and
// that sender and sleeper never miss each other. The threaded cases are for TSan as much as for
// their checks; they end when every item has arrived, however long that takes.
#include "server/mailbox.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "server/identity.h"

using namespace pipit;

namespace {

MailItem item_of(uint16_t from, uint64_t number) {
  MailItem item;
  item.kind = MailItem::Kind::plain;
  item.origin = {number, 0, from};
  return item;
}

// Mailboxes of one thread: what a test of the order needs.
struct Office {
  explicit Office(uint32_t count) : wakes(count, 0) {
    for (uint32_t i = 0; i < count; ++i)
      boxes.push_back(
          std::make_unique<Mailbox>(static_cast<uint16_t>(i), count, [this, i] { ++wakes[i]; }));
    std::vector<Mailbox*> all;
    for (auto& box : boxes) all.push_back(box.get());
    for (auto& box : boxes) box->connect(all);
  }
  Mailbox& operator[](size_t i) { return *boxes[i]; }

  // Numbers of what `box` receives now, in order.
  std::vector<uint64_t> drain(size_t box) {
    std::vector<uint64_t> numbers;
    boxes[box]->drain([&](MailItem& item) { numbers.push_back(item.origin.cid); });
    return numbers;
  }

  std::vector<int> wakes;
  std::vector<std::unique_ptr<Mailbox>> boxes;
};

// What a thread sleeps on: as uv_async_t, a wake before the sleep is not lost.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mutex_);
    rung_ = true;
    changed_.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return rung_; });
    rung_ = false;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

}  // namespace

TEST_CASE("what is sent is seen after publish(), in order") {
  Office office(2);
  for (uint64_t n = 0; n < 10; ++n) office[0].send(1, item_of(0, n));
  CHECK(office.drain(1).empty());
  office[0].publish();
  CHECK(office.drain(1) == std::vector<uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(office.drain(1).empty());
}

TEST_CASE("a full ring: the rest waits at the sender, in order, and nothing overtakes it") {
  Office office(2);
  constexpr uint64_t kCount = 5000;
  for (uint64_t n = 0; n < kCount; ++n) office[0].send(1, item_of(0, n));
  CHECK(office[0].congested());
  office[0].publish();
  std::vector<uint64_t> got;
  uint64_t sent = kCount;
  while (got.size() < sent) {
    for (const uint64_t n : office.drain(1)) got.push_back(n);
    if (sent < kCount + 10) office[0].send(1, item_of(0, sent++));  // behind what waits
    office[0].publish();
    REQUIRE(got.size() <= sent);
  }
  CHECK_FALSE(office[0].congested());
  for (uint64_t n = 0; n < sent; ++n) REQUIRE(got[n] == n);
}

TEST_CASE("a full ring to one target does not keep items from another") {
  Office office(3);
  for (uint64_t n = 0; n < 5000; ++n) office[0].send(1, item_of(0, n));
  office[0].send(2, item_of(0, 7));
  office[0].publish();
  CHECK(office.drain(2) == std::vector<uint64_t>{7});
}

TEST_CASE("a busy sender cannot keep a receiver in drain() for ever") {
  Office office(2);
  office[0].send(1, item_of(0, 0));
  office[0].publish();
  size_t handled = 0;
  office[1].drain([&](MailItem&) {
    ++handled;
    // As fast as the receiver takes them.
    office[0].send(1, item_of(0, handled));
    office[0].publish();
  });
  CHECK(handled > 0);
  CHECK(handled <= 8192);
}

TEST_CASE("handling an item may send") {
  Office office(2);
  office[0].send(1, item_of(0, 1));
  office[0].publish();
  office[1].drain([&](MailItem& item) { office[1].send(0, item_of(1, item.origin.cid + 1)); });
  office[1].publish();
  CHECK(office.drain(0) == std::vector<uint64_t>{2});
}

TEST_CASE("an item's references are given back when it was handled") {
  net::SlabPool pool;
  net::SlabRef slab = pool.make();
  Office office(2);
  for (int i = 0; i < 3; ++i) {
    MailItem item = item_of(0, 1);
    item.slab = slab.share();
    office[0].send(1, std::move(item));
  }
  office[0].publish();
  CHECK_FALSE(slab.unique());
  CHECK(office.drain(1).size() == 3);
  CHECK(slab.unique());
}

TEST_CASE("only a sleeper is woken, and once") {
  Office office(3);
  office[0].send(1, item_of(0, 1));
  office[0].publish();
  CHECK(office.wakes[1] == 0);
  CHECK_FALSE(office[1].prepare_sleep());  // there is mail
  CHECK(office.drain(1).size() == 1);
  REQUIRE(office[1].prepare_sleep());
  for (uint64_t n = 0; n < 100; ++n) office[0].send(1, item_of(0, n));
  CHECK(office.wakes[1] == 0);
  office[0].publish();
  CHECK(office.wakes[1] == 1);
  office[2].send(1, item_of(2, 1));
  office[2].publish();
  office[0].send(1, item_of(0, 100));
  office[0].publish();
  CHECK(office.wakes[1] == 1);
  office[1].woke();
  CHECK(office.drain(1).size() == 102);
  office[0].publish();
  CHECK(office.wakes == std::vector<int>{0, 1, 0});
}

TEST_CASE("a task wakes and keeps its receiver from sleeping; what it posts runs the next time") {
  Office office(1);
  std::vector<int> ran;
  office[0].post([&] {
    ran.push_back(1);
    office[0].post([&] { ran.push_back(3); });
  });
  office[0].post([&] { ran.push_back(2); });
  CHECK(office.wakes[0] == 2);
  CHECK_FALSE(office[0].prepare_sleep());
  office[0].run_posted();
  CHECK(ran == std::vector<int>{1, 2});
  CHECK_FALSE(office[0].prepare_sleep());
  office[0].run_posted();
  CHECK(ran == std::vector<int>{1, 2, 3});
  CHECK(office[0].prepare_sleep());
}

TEST_CASE("two threads that answer each other never both sleep") {
  constexpr uint64_t kRounds = 20'000;
  std::array<Bell, 2> bells;
  std::vector<std::unique_ptr<Mailbox>> boxes;
  for (uint16_t i = 0; i < 2; ++i)
    boxes.push_back(std::make_unique<Mailbox>(i, 2U, [&bells, i] { bells[i].ring(); }));
  for (auto& box : boxes) box->connect({boxes[0].get(), boxes[1].get()});

  // Each waits for the other's number and sends the next: with a lost wake this never ends.
  const auto run = [&](uint16_t self) {
    Mailbox& box = *boxes[self];
    const auto other = static_cast<uint16_t>(1 - self);
    uint64_t next = self;  // of mine: 0, 2, 4 or 1, 3, 5
    bool wrong = false;
    if (self == 0) {
      box.send(other, item_of(self, next));
      box.publish();
      next += 2;
    }
    uint64_t expected = other;
    while (expected < 2 * kRounds) {
      box.drain([&](MailItem& item) {
        wrong = wrong || item.origin.cid != expected;
        expected += 2;
        if (next < 2 * kRounds) box.send(other, item_of(self, next));
        next += 2;
      });
      box.publish();
      if (expected < 2 * kRounds && box.prepare_sleep()) {
        bells[self].wait();
        box.woke();
      }
    }
    return wrong;
  };
  bool wrong = false;
  std::thread peer([&] { wrong = run(1); });
  CHECK_FALSE(run(0));
  peer.join();
  CHECK_FALSE(wrong);
}

TEST_CASE("three threads, bursts above the size of a ring: all arrive, in order, each once") {
  constexpr uint16_t kThreads = 3;
  constexpr uint64_t kEach = 30'000;  // from every one to every other
  std::array<Bell, kThreads> bells;
  std::vector<std::unique_ptr<Mailbox>> boxes;
  for (uint16_t i = 0; i < kThreads; ++i)
    boxes.push_back(std::make_unique<Mailbox>(i, kThreads, [&bells, i] { bells[i].ring(); }));
  for (auto& box : boxes) box->connect({boxes[0].get(), boxes[1].get(), boxes[2].get()});

  std::array<uint64_t, kThreads> out_of_order{}, posted{};
  const auto run = [&](uint16_t self) {
    Mailbox& box = *boxes[self];
    Random random(self + 1U);
    std::array<uint64_t, kThreads> sent{}, expected{};
    expected[self] = sent[self] = kEach;
    const auto open = [&](const std::array<uint64_t, kThreads>& counts) {
      for (const uint64_t n : counts)
        if (n < kEach) return true;
      return false;
    };
    while (open(sent) || open(expected) || box.congested()) {
      box.run_posted();
      box.drain([&](MailItem& item) {
        if (item.origin.cid != expected[item.origin.reactor]++) ++out_of_order[self];
      });
      // A reactor stops parsing while it is congested.
      if (!box.congested() && open(sent)) {
        const auto target = static_cast<uint16_t>(random.below(kThreads));
        const uint64_t burst = random.below(20) == 0 ? 3000 : random.below(10);
        for (uint64_t n = 0; n < burst && sent[target] < kEach; ++n)
          box.send(target, item_of(self, sent[target]++));
        if (random.below(50) == 0) boxes[target]->post([&posted, target] { ++posted[target]; });
      }
      box.publish();
      if (box.congested() || open(sent)) {
        std::this_thread::yield();
      } else if (open(expected) && box.prepare_sleep()) {
        bells[self].wait();
        box.woke();
      }
    }
  };
  std::thread first([&] { run(1); });
  std::thread second([&] { run(2); });
  run(0);
  first.join();
  second.join();
  CHECK(out_of_order == std::array<uint64_t, kThreads>{});
  for (const uint64_t n : posted) CHECK(n > 0);
}

TEST_CASE("a task that was taken is run, however close behind it the mailbox closes") {
  int taken = 0, run = 0;
  for (int round = 0; round < 500; ++round) {
    Mailbox box(0, 1, [] {});
    std::atomic<bool> begun{false};
    std::thread other([&] {
      while (begun = true, box.post([&run] { ++run; })) ++taken;
    });
    while (!begun) std::this_thread::yield();
    box.close();
    other.join();
  }
  CHECK(run == taken);
}
