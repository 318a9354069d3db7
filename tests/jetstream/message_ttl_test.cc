// Nats-TTL: what nats-server 2.14.5 took and refused.
#include "jetstream/message_ttl.h"

#include <doctest/doctest.h>

#include <limits>

#include "jetstream/store/store.h"

using namespace pipit::js;

TEST_CASE("a TTL is a duration, a number of seconds or never") {
  constexpr int64_t kSecond = 1'000'000'000;
  CHECK(parse_message_ttl("1h30m") == 5400 * kSecond);
  CHECK(parse_message_ttl("1500ms") == kSecond);
  CHECK(parse_message_ttl("1s0ns") == kSecond);
  CHECK(parse_message_ttl("+5s") == 5 * kSecond);
  CHECK(parse_message_ttl("5") == 5 * kSecond);
  CHECK(parse_message_ttl("00") == 0);
  CHECK(parse_message_ttl("never") == kTtlNever);
  CHECK(parse_message_ttl("NeVeR") == kTtlNever);
}

TEST_CASE("anything else is refused, and anything shorter than a second") {
  for (const std::string_view value : {"", "0", "0s", "500ms", "999ms", "1ns", "-1", "-1s", "x",
                                       "1s ", "+5", "5.5", "1e3", "292y", "nevers", "neve"})
    CHECK_FALSE(parse_message_ttl(value).has_value());
}

TEST_CASE("a TTL beyond all bounds is as long as can be") {
  const int64_t longest = std::numeric_limits<int64_t>::max() / 1'000'000'000 * 1'000'000'000;
  CHECK(parse_message_ttl("9223372036") == longest);
  CHECK(parse_message_ttl("9223372037") == longest);
  CHECK(parse_message_ttl("99999999999999999999999999") == longest);
}

TEST_CASE("a message expires its TTL after it was stored, and at once if no clock goes so far") {
  constexpr int64_t kSecond = 1'000'000'000, kNow = 1'750'000'000 * kSecond;
  CHECK(expires_at(kNow, 0) == 0);
  CHECK(expires_at(kNow, 10 * kSecond) == kNow + 10 * kSecond);
  CHECK(expires_at(kNow, kTtlNever) == store::kNeverExpires);
  CHECK(expires_at(kNow, *parse_message_ttl("7000000000")) == kNow + 7'000'000'000 * kSecond);
  CHECK(expires_at(kNow, *parse_message_ttl("9223372036")) == 1);
}
