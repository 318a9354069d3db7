// Proves that retired memory lives exactly as long as a reader may hold it: until every online slot
// has been quiescent since, and not longer because of a slot that sleeps.
#include "server/router/epoch.h"

#include <doctest/doctest.h>

namespace pipit::router {
namespace {

void count_up(void* counter) { ++*static_cast<int*>(counter); }

TEST_CASE("without readers memory is freed by the next collect") {
  int freed = 0;
  Epoch epoch;
  epoch.retire(&freed, count_up);
  CHECK(epoch.retired_count() == 1);
  epoch.collect();
  CHECK(freed == 1);
  CHECK(epoch.retired_count() == 0);
}

TEST_CASE("memory waits until every online slot was quiescent after its retirement") {
  int freed = 0;
  Epoch epoch;
  epoch.online(0);
  epoch.online(63);
  epoch.quiescent(0);
  epoch.quiescent(63);
  epoch.retire(&freed, count_up);
  epoch.collect();
  CHECK(freed == 0);
  epoch.quiescent(0);
  epoch.collect();
  CHECK(freed == 0);
  epoch.quiescent(63);
  epoch.collect();
  CHECK(freed == 1);
}

TEST_CASE("a slot that came online after the retirement does not hold it up for a turn more") {
  int freed = 0;
  Epoch epoch;
  epoch.retire(&freed, count_up);
  epoch.online(1);
  epoch.collect();
  epoch.quiescent(1);
  epoch.collect();
  CHECK(freed == 1);
}

TEST_CASE("a sleeping slot holds nothing up") {
  int freed = 0;
  Epoch epoch;
  epoch.online(0);
  epoch.online(1);
  epoch.offline(1);
  epoch.retire(&freed, count_up);
  epoch.collect();
  CHECK(freed == 0);
  epoch.quiescent(0);
  epoch.collect();
  CHECK(freed == 1);

  epoch.retire(&freed, count_up);
  epoch.offline(0);
  epoch.collect();
  CHECK(freed == 2);
}

TEST_CASE("a slot that never says quiescent keeps everything retired since") {
  int freed = 0;
  Epoch epoch;
  epoch.retire(&freed, count_up);
  epoch.collect();
  epoch.online(5);
  for (int i = 0; i < 1000; ++i) epoch.retire(&freed, count_up);
  CHECK(freed == 1);
  CHECK(epoch.retired_count() == 1000);
  epoch.quiescent(5);
  epoch.collect();
  CHECK(freed == 1001);
}

TEST_CASE("many retirements free by themselves") {
  int freed = 0;
  Epoch epoch;
  epoch.online(2);
  for (int i = 0; i < 10'000; ++i) {
    epoch.retire(&freed, count_up);
    epoch.quiescent(2);
  }
  CHECK(freed > 9'000);
  CHECK(epoch.retired_count() < 1'000);
}

TEST_CASE("the end of an epoch frees what is left") {
  int freed = 0;
  {
    Epoch epoch;
    epoch.online(0);
    epoch.retire(&freed, count_up);
    epoch.offline(0);
  }
  CHECK(freed == 1);
}

}  // namespace
}  // namespace pipit::router
