// What all streams together may take.
#include "jetstream/quota.h"

#include <doctest/doctest.h>

using namespace pipit::js;

TEST_CASE("a publish beyond the limit is refused until there is room") {
  uint64_t used = 0;
  int asked = 0;
  Quota quota(100, [&] { return ++asked, used; });
  int64_t now = 0;
  for (int i = 0; i < 10; ++i) {
    CHECK(quota.admits(10, now));
    used += 10;
  }
  CHECK(asked == 0);
  CHECK(!quota.admits(1, now));
  CHECK(asked == 1);
  // Not at once again.
  used = 0;
  CHECK(!quota.admits(1, now += 50'000'000));
  CHECK(asked == 1);
  CHECK(quota.admits(1, now += 50'000'000));
  CHECK(asked == 2);
  CHECK(quota.admits(99, now));
  CHECK(!quota.admits(1, now));
}

TEST_CASE("what was removed meanwhile is no reason to refuse") {
  Quota quota(100, [] { return uint64_t{10}; });
  int64_t now = 0;
  for (int i = 0; i < 1000; ++i) CHECK(quota.admits(10, now += 100'000'000));
}

TEST_CASE("what is there at the start counts") {
  Quota quota(100, [] { return uint64_t{90}; });
  quota.count();
  CHECK(quota.admits(10, 0));
  CHECK(!quota.admits(20, 0));
}
