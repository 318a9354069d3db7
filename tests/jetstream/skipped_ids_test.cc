// Ids of messages that were not stored: remembered for a time, and not without end.
#include "jetstream/skipped_ids.h"

#include <doctest/doctest.h>

using namespace pipit::js;

TEST_CASE("an id is found until it is too old") {
  SkippedIds ids;
  ids.add("a", 1, 100);
  ids.add("b", 2, 200);
  CHECK(ids.find("a", 100) == 1);
  CHECK(ids.find("b", 100) == 2);
  CHECK(ids.find("c", 100) == 0);
  CHECK(ids.find("a", 101) == 0);
  CHECK(ids.find("b", 101) == 2);
}

TEST_CASE("only so many are remembered, the latest") {
  SkippedIds ids;
  for (uint64_t i = 1; i <= 100'001; ++i) ids.add(std::to_string(i), i, 1);
  CHECK(ids.find("1", 0) == 0);
  CHECK(ids.find("2", 0) == 2);
  CHECK(ids.find("100001", 0) == 100'001);
}
