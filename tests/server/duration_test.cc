// Proves that durations are read as Go reads them.
#include "server/duration.h"

#include <doctest/doctest.h>

using namespace pipit;

TEST_CASE("every unit has its length, and they add up") {
  CHECK(parse_duration("1ns") == 1);
  CHECK(parse_duration("1us") == 1'000);
  CHECK(parse_duration("1\u00b5s") == 1'000);
  CHECK(parse_duration("1\u03bcs") == 1'000);
  CHECK(parse_duration("1ms") == 1'000'000);
  CHECK(parse_duration("1s") == 1'000'000'000);
  CHECK(parse_duration("1m") == 60'000'000'000);
  CHECK(parse_duration("1h") == 3'600'000'000'000);
  CHECK(parse_duration("1h30m5s250ms") == 5'405'250'000'000);
  CHECK(parse_duration("5s1h") == 3'605'000'000'000);
}

TEST_CASE("fractions need a digit on one side of the dot") {
  CHECK(parse_duration("1.5s") == 1'500'000'000);
  CHECK(parse_duration(".5s") == 500'000'000);
  CHECK(parse_duration("5.s") == 5'000'000'000);
  CHECK(parse_duration("0.001ms") == 1'000);
  CHECK_FALSE(parse_duration(".s"));
  CHECK_FALSE(parse_duration("1.2.3s"));
}

TEST_CASE("only zero goes without a unit") {
  CHECK(parse_duration("0") == 0);
  CHECK(parse_duration("-0") == 0);
  CHECK(parse_duration("0s") == 0);
  CHECK_FALSE(parse_duration("00"));
  CHECK_FALSE(parse_duration("30"));
  CHECK_FALSE(parse_duration("1h30"));
}

TEST_CASE("a sign stands in front of the whole") {
  CHECK(parse_duration("-1h1m") == -3'660'000'000'000);
  CHECK(parse_duration("+2s") == 2'000'000'000);
  CHECK_FALSE(parse_duration("1h-1m"));
  CHECK_FALSE(parse_duration("--1s"));
  CHECK_FALSE(parse_duration("-"));
}

TEST_CASE("anything else is no duration") {
  for (const char* text :
       {"", "s", "1", "1d", "1 s", " 1s", "1s ", "1S", "1sec", "soon", "1e3s", "0x1s"})
    CHECK_FALSE_MESSAGE(parse_duration(text), text);
}

TEST_CASE("what does not fit 292 years is no duration") {
  CHECK(parse_duration("2562047h") == int64_t{2562047} * 3'600'000'000'000);
  CHECK_FALSE(parse_duration("2562048h"));
  CHECK_FALSE(parse_duration("-2562048h"));
  CHECK_FALSE(parse_duration("99999999999999999999999999999s"));
}
