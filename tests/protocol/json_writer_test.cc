// Proves that JSON comes out byte for byte as Go's encoder writes it: commas, indentation, escapes,
// numbers.
#include "protocol/json_writer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

using namespace pipit::proto;

namespace {

template <class T>
std::string json_of(const T& value) {
  std::string out;
  JsonWriter(out).value(value);
  return out;
}

void write_sample(JsonWriter& json) {
  json.begin_object();
  json.field("a", 1).field("b", "x").key("c").begin_array();
  json.value(true).null().begin_object().end_object().begin_array().end_array();
  json.end_array().key("d").begin_object().field("e", 2.5).end_object().end_object();
}

}  // namespace

TEST_CASE("compact JSON has commas and nothing else between values") {
  std::string out = ">";
  JsonWriter json(out);
  write_sample(json);
  CHECK(out == R"(>{"a":1,"b":"x","c":[true,null,{},[]],"d":{"e":2.5}})");
}

TEST_CASE("indented JSON has a line a value and two spaces a level") {
  std::string out;
  JsonWriter json(out, true);
  write_sample(json);
  CHECK(out ==
        "{\n  \"a\": 1,\n  \"b\": \"x\",\n  \"c\": [\n    true,\n    null,\n    {},\n    []\n  ],\n"
        "  \"d\": {\n    \"e\": 2.5\n  }\n}");
}

TEST_CASE("strings are escaped as Go does it") {
  CHECK(json_of("plain /text'") == "\"plain /text'\"");
  CHECK(json_of("\"\\\b\f\n\r\t") == R"("\"\\\b\f\n\r\t")");
  CHECK(json_of(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\x7f\"");
  CHECK(json_of("<a>&b") == R"("\u003ca\u003e\u0026b")");
  CHECK(json_of("\xE2\x80\xA8\xE2\x80\xA9\xE2\x80\xAA") == "\"\\u2028\\u2029\xE2\x80\xAA\"");
  CHECK(json_of("\xC3\xA9\xF0\x9F\x98\x80") == "\"\xC3\xA9\xF0\x9F\x98\x80\"");
}

TEST_CASE("each byte that is no UTF-8 becomes U+FFFD") {
  CHECK(json_of("a\xFF"
                "b") == R"("a\ufffdb")");
  CHECK(json_of("\xC3") == R"("\ufffd")");
  CHECK(json_of("\xC0\x80") == R"("\ufffd\ufffd")");
  CHECK(json_of("\xED\xA0\x80") == R"("\ufffd\ufffd\ufffd")");
  CHECK(json_of("\xE0\x9F\xBF") == R"("\ufffd\ufffd\ufffd")");
  CHECK(json_of("\xF4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");
  CHECK(json_of("\xF0\x9F\x98") == R"("\ufffd\ufffd\ufffd")");
}

TEST_CASE("whole numbers are written in full") {
  CHECK(json_of(std::numeric_limits<int64_t>::min()) == "-9223372036854775808");
  CHECK(json_of(std::numeric_limits<uint64_t>::max()) == "18446744073709551615");
  CHECK(json_of(0) == "0");
  CHECK(json_of(uint32_t{7}) == "7");
}

TEST_CASE("doubles are the shortest text that reads back the same, in Go's form") {
  struct Case {
    double number;
    const char* text;
  };
  for (const Case& c : {Case{0, "0"},
                        {-0.0, "-0"},
                        {1, "1"},
                        {-2.25, "-2.25"},
                        {0.1, "0.1"},
                        {100, "100"},
                        {1e6, "1000000"},
                        {123.456, "123.456"},
                        {1e-6, "0.000001"},
                        {1.5e-6, "0.0000015"},
                        {9.99e-7, "9.99e-7"},
                        {1e-7, "1e-7"},
                        {1e-10, "1e-10"},
                        {1e20, "100000000000000000000"},
                        {1e21, "1e+21"},
                        {1.5e300, "1.5e+300"},
                        {123456789012345678.0, "123456789012345680"},
                        {0.30000000000000004, "0.30000000000000004"},
                        {5e-324, "5e-324"},
                        {1.7976931348623157e308, "1.7976931348623157e+308"}}) {
    CHECK(json_of(c.number) == c.text);
  }
  CHECK(json_of(std::nan("")) == "null");
  CHECK(json_of(std::numeric_limits<double>::infinity()) == "null");
}
