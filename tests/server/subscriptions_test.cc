// Proves that Subscriptions is a map by sid and a table by slot at once: random operations against
// std::map, up to a hundred thousand entries, and handles that outlive what they name.
#include "server/subscriptions.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include "server/identity.h"

using namespace pipit;

namespace {

struct Expected {
  std::string subject, queue;
  uint32_t generation = 0;
  uint32_t slot = 0;
};
using Oracle = std::map<std::string, Expected>;

void check_same(Subscriptions& subs, const Oracle& oracle) {
  REQUIRE(subs.size() == oracle.size());
  std::set<uint32_t> slots;
  for (const auto& [sid, expected] : oracle) {
    SubscriptionRecord* found = subs.find(sid);
    REQUIRE(found != nullptr);
    CHECK(found->sid() == sid);
    CHECK(found->subject() == expected.subject);
    CHECK(found->queue() == expected.queue);
    REQUIRE(found->slot == expected.slot);
    CHECK(subs.at(expected.slot, expected.generation) == found);
    CHECK(slots.insert(expected.slot).second);
  }
  size_t seen = 0;
  subs.for_each([&](const SubscriptionRecord& sub) {
    ++seen;
    CHECK(oracle.contains(std::string(sub.sid())));
  });
  CHECK(seen == oracle.size());
}

}  // namespace

TEST_CASE("a subscription keeps its three texts, empty ones too") {
  Subscriptions subs;
  CHECK(subs.find("1") == nullptr);
  SubscriptionRecord& plain = subs.add("foo.bar", "", "1", 7);
  SubscriptionRecord& queued = subs.add("foo.*", "workers", "sid-of-any-kind", 8);
  CHECK(plain.subject() == "foo.bar");
  CHECK(plain.queue().empty());
  CHECK(plain.sid() == "1");
  CHECK(plain.delivered == 0);
  CHECK(plain.max == 0);
  CHECK(queued.queue() == "workers");
  CHECK(subs.find("sid-of-any-kind") == &queued);
  CHECK(subs.find("sid-of-any-kin") == nullptr);
  CHECK(subs.find("") == nullptr);
}

TEST_CASE("the longest texts fit") {
  Subscriptions subs;
  const std::string longest(Subscriptions::kMaxText, 's');
  SubscriptionRecord& sub = subs.add(longest, longest, longest, 1);
  CHECK(sub.subject() == longest);
  CHECK(sub.queue() == longest);
  CHECK(subs.find(longest) == &sub);
}

TEST_CASE("a handle to a removed subscription finds nothing, also when the slot is taken again") {
  Subscriptions subs;
  SubscriptionRecord& first = subs.add("a", "", "1", 10);
  subs.add("b", "", "2", 11);
  const uint32_t slot = first.slot;
  CHECK(subs.at(slot, 10) == &first);
  subs.remove(first);
  CHECK(subs.at(slot, 10) == nullptr);
  SubscriptionRecord& second = subs.add("c", "", "1", 12);
  CHECK(second.slot == slot);
  CHECK(subs.at(slot, 10) == nullptr);
  CHECK(subs.at(slot, 12) == &second);
  CHECK(subs.at(1000, 12) == nullptr);
}

TEST_CASE("random operations give what a std::map gives") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Subscriptions subs;
    Oracle oracle;
    uint32_t generation = 0;
    const uint64_t sids = 1 + random.below(400);
    for (int step = 0; step < 4000; ++step) {
      // Phases that grow and phases that shrink, so that it passes the size of the table both ways.
      const bool growing = (step / 500) % 2 == 0;
      const std::string sid = std::to_string(random.below(sids));
      SubscriptionRecord* found = subs.find(sid);
      REQUIRE((found != nullptr) == oracle.contains(sid));
      if (found == nullptr && random.below(10) < (growing ? 9U : 3U)) {
        const std::string subject = "s." + std::to_string(step);
        const std::string queue = random.below(2) == 0 ? "" : "q" + sid;
        const uint32_t slot = subs.add(subject, queue, sid, ++generation).slot;
        oracle[sid] = {subject, queue, generation, slot};
      } else if (found != nullptr && random.below(10) < (growing ? 2U : 8U)) {
        const Expected gone = oracle[sid];
        oracle.erase(sid);
        subs.remove(*found);
        REQUIRE(subs.at(gone.slot, gone.generation) == nullptr);
      }
      if (step % 250 == 0) check_same(subs, oracle);
    }
    check_same(subs, oracle);
  }
}

TEST_CASE("a hundred thousand subscriptions are found, removed in another order and forgotten") {
  constexpr uint32_t kCount = 100'000;
  Subscriptions subs;
  for (uint32_t i = 0; i < kCount; ++i) subs.add("s." + std::to_string(i), "", std::to_string(i), i + 1);
  REQUIRE(subs.size() == kCount);
  for (uint32_t i = 0; i < kCount; ++i) {
    SubscriptionRecord* found = subs.find(std::to_string(i));
    REQUIRE(found != nullptr);
    REQUIRE(found->generation == i + 1);
  }
  CHECK(subs.find(std::to_string(kCount)) == nullptr);
  // 7919 is prime to the count: every one is met once, in a scattered order.
  for (uint64_t i = 0; i < kCount; ++i) {
    SubscriptionRecord* found = subs.find(std::to_string(i * 7919 % kCount));
    REQUIRE(found != nullptr);
    subs.remove(*found);
  }
  CHECK(subs.size() == 0);
  CHECK(subs.find("0") == nullptr);
  CHECK(subs.add("again", "", "0", 1).slot == 0);
}
