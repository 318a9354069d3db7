// Nats-TTL: what is one, and when a message with it expires. The answers are nats-server 2.14's.
#include "jetstream/message_ttl.h"

#include <doctest/doctest.h>

#include "jetstream/store/store.h"

namespace {

using namespace pipit::js;

constexpr int64_t kSecond = 1'000'000'000;

TEST_CASE("a TTL is a span of at least a second, seconds, or never") {
  CHECK(parse_message_ttl("1s") == 1);
  CHECK(parse_message_ttl("1500ms") == 1);
  CHECK(parse_message_ttl("1h30m") == 5400);
  CHECK(parse_message_ttl("10") == 10);
  CHECK(parse_message_ttl("007") == 7);
  CHECK(parse_message_ttl("9223372037") == 9223372037);
  for (const char* never : {"never", "NeVeR", "NEVER"})
    CHECK(parse_message_ttl(never) == kTtlNever);
}

TEST_CASE("no TTL is one thing, a wrong one another") {
  CHECK(parse_message_ttl("") == 0);
  CHECK(parse_message_ttl("00") == 0);
  for (const char* wrong : {"0", "500ms", "-1", "-1s", "soon", "1.5", "+1", " 1", "1 ", "nevermore",
                            "neve", "1d", "9223372036854775808"})
    CHECK_MESSAGE(!parse_message_ttl(wrong), wrong);
}

TEST_CASE("a message expires its TTL after it was stored") {
  CHECK(expires_at(5 * kSecond, 0) == 0);
  CHECK(expires_at(5 * kSecond, 10) == 15 * kSecond);
  CHECK(expires_at(5 * kSecond, kTtlNever) == store::kNeverExpires);
}

TEST_CASE("a TTL beyond the clock's end is over at once") {
  const int64_t now = 1'750'000'000 * kSecond;
  CHECK(expires_at(now, 7'000'000'000) == now + 7'000'000'000 * kSecond);
  CHECK(expires_at(now, 9'223'372'036) == 1);
  CHECK(expires_at(now, 9'223'372'037) == 1);
  CHECK(expires_at(now, INT64_MAX) > 0);
}

}  // namespace
