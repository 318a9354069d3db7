// Counters: increments and totals as nats-server 2.14.5 took and answered them.
#include "jetstream/counter.h"

#include <doctest/doctest.h>

#include <cstdint>

using namespace pipit::js;

namespace {

BigDecimal number(std::string_view text) {
  const auto parsed = BigDecimal::parse(text);
  CHECK(parsed.has_value());
  return parsed.value_or(BigDecimal());
}

}  // namespace

TEST_CASE("numbers are a sign and digits") {
  CHECK(number("1").str() == "1");
  CHECK(number("+1").str() == "1");
  CHECK(number("-1").str() == "-1");
  CHECK(number("-0").str() == "0");
  CHECK(number("+0").str() == "0");
  CHECK(number("-000").str() == "0");
  CHECK(number("007").str() == "7");
  CHECK(number("-99999999999999999999999999999999").str() == "-99999999999999999999999999999999");
  for (const std::string_view text :
       {"", "+", "-", "1_000", "0x10", "5 ", " 5", "1.5", "--1", "+-1", "1e3", "\xD9\xA3"})
    CHECK_FALSE(BigDecimal::parse(text).has_value());
}

TEST_CASE("a total is carried through any size and over zero") {
  BigDecimal total = number("999999999999999999999");
  const std::pair<std::string_view, std::string_view> steps[] = {
      {"1", "1000000000000000000000"},
      {"-1000000000000000000001", "-1"},
      {"-5", "-6"},
      {"5", "-1"},
      {"+1", "0"},
      {"-0", "0"},
  };
  for (const auto& [step, expected] : steps) {
    total = total + number(step);
    CHECK(total.str() == expected);
  }
}

TEST_CASE("sums and differences agree with machine arithmetic") {
  const int64_t values[] = {
      0, 1, -1, 9, 10, -10, 99, 100, 101, -999, 12345, -12345, 1'000'000'000'000, -999'999'999'999};
  for (const int64_t a : values)
    for (const int64_t b : values) {
      CHECK((number(std::to_string(a)) + number(std::to_string(b))).str() == std::to_string(a + b));
      CHECK((number(std::to_string(a)) - number(std::to_string(b))).str() == std::to_string(a - b));
    }
}

TEST_CASE("sixty thousand digits are added") {
  const std::string nines(60'000, '9');
  CHECK((number(nines) + number("1")).str() == "1" + std::string(60'000, '0'));
  CHECK((number("1" + std::string(60'000, '0')) - number("1")).str() == nines);
}

TEST_CASE("a counter's body holds its value") {
  CHECK(write_counter(number("-12")) == R"({"val":"-12"})");
  CHECK(read_counter(R"({"val":"-12"})") == number("-12"));
  CHECK(read_counter(R"( {"val":"7","more":1} )") == number("7"));
  CHECK(read_counter("{}") == number("0"));
  CHECK(read_counter(R"({"val":"x"})") == number("0"));
  for (const std::string_view body : {"", "hello", "5", "[]", R"({"val":5})", R"({"val":"1"}x)"})
    CHECK_FALSE(read_counter(body).has_value());
}

TEST_CASE("the totals of origins are kept by stream and subject") {
  const CounterSources sources = {{"B", {{"b.2", "-1"}, {"b.1", "5"}}}, {"A", {{"a", "0"}}}};
  const std::string text = R"({"A":{"a":"0"},"B":{"b.1":"5","b.2":"-1"}})";
  CHECK(write_counter_sources(sources) == text);
  CHECK(read_counter_sources(text) == sources);
  for (const std::string_view value : {"", "5", "[]", R"({"A":"a"})", R"({"A":{"a":1}})", "{}x"})
    CHECK_FALSE(read_counter_sources(value).has_value());
}
