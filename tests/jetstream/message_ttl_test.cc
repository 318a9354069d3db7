// Nats-TTL: what nats-server 2.14.5 took and refused.
#include "jetstream/message_ttl.h"

#include <doctest/doctest.h>

#include <limits>

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
