// Durations: expectations are what Go 1.26's time package says.
#include "jetstream/go_duration.h"

#include <doctest/doctest.h>

#include <limits>

using namespace pipit::js;

TEST_CASE("durations are read as Go reads them") {
  constexpr int64_t kSecond = 1'000'000'000;
  CHECK(parse_go_duration("0") == 0);
  CHECK(parse_go_duration("1h30m") == 5400 * kSecond);
  CHECK(parse_go_duration("-1.5s") == -1'500'000'000);
  CHECK(parse_go_duration("+.5s") == 500'000'000);
  CHECK(parse_go_duration("1.s") == kSecond);
  CHECK(parse_go_duration("250ms") == 250'000'000);
  CHECK(parse_go_duration("1us1\xC2\xB5s1\xCE\xBCs1ns") == 3001);
  CHECK(parse_go_duration("0.3333333333333333333333h") == 1'200'000'000'000);
  CHECK(parse_go_duration("9223372036854775807ns") == std::numeric_limits<int64_t>::max());
  CHECK(parse_go_duration("-9223372036854775808ns") == std::numeric_limits<int64_t>::min());
}

TEST_CASE("what is no duration, or too long a one, is none") {
  for (const std::string_view text :
       {"", "+", "-", "s", ".s", "1", "1x", "1 s", "1e3s", "--1s", "9223372036854775808ns",
        "99999999999999999999h", "1s-1s", "3000000h", "1h1", "1S"})
    CHECK_FALSE(parse_go_duration(text).has_value());
}

TEST_CASE("durations print as Go prints them") {
  CHECK(format_go_duration(0) == "0s");
  CHECK(format_go_duration(120'000'000'000) == "2m0s");
  CHECK(format_go_duration(3'600'000'000'000) == "1h0m0s");
  CHECK(format_go_duration(1'500'000'000) == "1.5s");
  CHECK(format_go_duration(100'000'000) == "100ms");
  CHECK(format_go_duration(1'050) == "1.05\xC2\xB5s");
  CHECK(format_go_duration(999) == "999ns");
  CHECK(format_go_duration(-1) == "-1ns");
  CHECK(format_go_duration(std::numeric_limits<int64_t>::min()) == "-2562047h47m16.854775808s");
}
