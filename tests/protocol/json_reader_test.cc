// Go's grammar of JSON and its faults: expectations are what Go 1.26's encoding/json says.
#include "protocol/json_reader.h"

#include <doctest/doctest.h>

using namespace pipit::proto;

namespace {

std::string fault_of(std::string_view text) {
  const JsonScan scan = scan_json(text);
  CHECK(scan.end == JsonScan::End::fault);
  return scan.fault + " @" + std::to_string(scan.size);
}

struct Texts {
  std::vector<std::string> all;
  uint64_t count = 0;
};
constexpr JsonField<Texts> kFields[] = {
    {"all", [](JsonReader& json, Texts& t) { json.read(t.all); }},
    {"count", [](JsonReader& json, Texts& t) { json.read(t.count); }},
};
constexpr JsonShape<Texts> kTexts{"Texts", kFields};

std::string text_of(std::string_view literal) {
  Texts texts;
  const std::string body = "{\"all\":[" + std::string(literal) + "]}";
  CHECK(read_json_request(body, true, texts, kTexts) == "");
  return texts.all.size() == 1 ? texts.all[0] : "";
}

}  // namespace

TEST_CASE("a scan ends with the value") {
  for (const std::string_view text :
       {"{}", "[]", "[[],{}]", "\"a\\\"\"", "-0.5e+10", "0", "true", "false", "null",
        "{\"a\":[1,2,{\"b\":null}],\"c\":\"]\"}", "\"\\ud800\\u00e9\""}) {
    const JsonScan scan = scan_json(" \t" + std::string(text) + " x");
    CHECK(scan.end == JsonScan::End::value);
    CHECK(scan.size == text.size() + 2);
  }
  CHECK(scan_json("").end == JsonScan::End::blank);
  CHECK(scan_json(" \r\n\t").end == JsonScan::End::blank);
}

TEST_CASE("every prefix of a value that is no value is truncated") {
  const std::string_view text = "{\"a\":[1,2,{\"b\":null}],\"c\":\"\\u00e9\\n\",\"d\":-1.5e-3}";
  for (size_t size = 1; size < text.size(); ++size)
    CHECK(scan_json(text.substr(0, size)).end == JsonScan::End::truncated);
}

TEST_CASE("faults of the grammar") {
  CHECK(fault_of("x") == "invalid character 'x' looking for beginning of value @0");
  CHECK(fault_of("[1 2]") == "invalid character '2' after array element @3");
  CHECK(fault_of("[1,]") == "invalid character ']' looking for beginning of value @3");
  CHECK(fault_of("{\"a\" 1}") == "invalid character '1' after object key @5");
  CHECK(fault_of("{\"a\":1 \"b\"}") == "invalid character '\"' after object key:value pair @7");
  CHECK(fault_of("{a}") == "invalid character 'a' looking for beginning of object key string @1");
  CHECK(fault_of("[01]") == "invalid character '1' after array element @2");
  CHECK(fault_of("-x") == "invalid character 'x' in numeric literal @1");
  CHECK(fault_of("1.x") == "invalid character 'x' after decimal point in numeric literal @2");
  CHECK(fault_of("1ex") == "invalid character 'x' in exponent of numeric literal @2");
  CHECK(fault_of("nul ") == "invalid character ' ' in literal null (expecting 'l') @3");
  CHECK(fault_of("trux") == "invalid character 'x' in literal true (expecting 'e') @3");
  CHECK(fault_of("\"\n\"") == "invalid character '\\n' in string literal @1");
  CHECK(fault_of("\"\\x\"") == "invalid character 'x' in string escape code @2");
  CHECK(fault_of("\"\\u00g\"") == "invalid character 'g' in \\u hexadecimal character escape @5");
  CHECK(fault_of("'") == "invalid character '\\'' looking for beginning of value @0");
  CHECK(fault_of(std::string_view("\0", 1)) ==
        "invalid character '\\x00' looking for beginning of value @0");
  CHECK(fault_of("\x80") == "invalid character '\\u0080' looking for beginning of value @0");
}

TEST_CASE("strings are unescaped, and what is no Unicode is replaced") {
  CHECK(text_of(R"("\"\\\/\b\f\n\r\t")") == "\"\\/\b\f\n\r\t");
  CHECK(text_of(R"("\u0041\u00e9\u20AC\ud83d\ude00")") == "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  CHECK(text_of(R"("\ud83d\u0041")") ==
        "\xEF\xBF\xBD"
        "A");
  CHECK(text_of(R"("\ude00")") == "\xEF\xBF\xBD");
  CHECK(text_of(R"("\ud83d")") == "\xEF\xBF\xBD");
  CHECK(text_of("\"\xFF\xC3\"") == "\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(text_of(R"("\u0000")") == std::string(1, '\0'));
}

TEST_CASE("numbers of whole type take neither fraction, exponent nor a sign that they have not") {
  const auto fault = [](std::string_view number) {
    Texts texts;
    return read_json_request("{\"count\":" + std::string(number) + "}", true, texts, kTexts);
  };
  CHECK(fault("18446744073709551615") == "");
  for (const std::string_view number : {"18446744073709551616", "-1", "-0", "1.0", "1e2", "1e400"})
    CHECK(fault(number) == "json: cannot unmarshal number " + std::string(number) +
                               " into Go struct field Texts.count of type uint64");
}

TEST_CASE("the first fault is reported and decoding goes on behind it") {
  Texts texts;
  CHECK(read_json_request(R"({"count":"x","all":[5,"b"],"count":3})", true, texts, kTexts) ==
        "json: cannot unmarshal string into Go struct field Texts.count of type uint64");
  CHECK(texts.count == 3);
  CHECK(texts.all == std::vector<std::string>{"", "b"});
}

TEST_CASE("text is quoted as Go quotes it") {
  CHECK(quote_go("a\"b\\c\n\x01\x7F") == R"("a\"b\\c\n\x01\x7f")");
  CHECK(quote_go("\xFF\xC3\xA9") == "\"\\xff\xC3\xA9\"");
  CHECK(quote_go("\xC2\xA0\xE2\x80\xA8") == R"("\u00a0\u2028")");
}
