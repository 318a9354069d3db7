// What the store's thread reports to a shard, and when it has to wake it.
#include "jetstream/progress.h"

#include <doctest/doctest.h>

using namespace pipit::js;

TEST_CASE("a reader that waits is woken once, one that rests is not") {
  Progress progress;
  CHECK(!progress.durable(1));
  CHECK(progress.look().durable == 1);
  CHECK(progress.durable(2));
  CHECK(!progress.durable(3));
  CHECK(progress.look().durable == 3);
  progress.rest();
  CHECK(!progress.written(4));
  CHECK(progress.look().written == 4);
}

TEST_CASE("failures are told once, and counted for ever") {
  Progress progress;
  CHECK(progress.failures() == 0);
  progress.failed({5, 7, {}});
  progress.durable(9);
  CHECK(progress.failures() == 1);
  const Progress::News news = progress.look();
  CHECK(news.durable == 9);
  REQUIRE(news.failed.size() == 1);
  CHECK(news.failed[0].from == 5);
  CHECK(news.failed[0].through == 7);
  CHECK(progress.look().failed.empty());
  CHECK(progress.failures() == 1);
}
