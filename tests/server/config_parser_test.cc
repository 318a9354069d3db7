// Proves the grammar of configuration files on the tree that comes out: separators, values,
// strings, blocks, arrays, variables, includes; and that what is wrong is said with its file, line
// and column. config_samples_test.py compares the verdicts with those of the genuine server.
#include "server/config_parser.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/support/temp_dir.h"

using namespace pipit;
using Type = ConfigValue::Type;

namespace {

// A variable of the environment for as long as this lives.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Environment() { ::unsetenv(name_); }
  Environment(const Environment&) = delete;

 private:
  const char* name_;
};

ConfigValue parsed(std::string_view text, const std::string& folder = "") {
  std::vector<std::string> errors;
  ConfigValue root;
  const bool ok = ConfigParser(errors).parse_text(text, "f", folder, root);
  REQUIRE_MESSAGE(ok, (errors.empty() ? std::string(text) : errors[0]));
  CHECK(errors.empty());
  return root;
}

std::string fault(std::string_view text, const std::string& folder = "") {
  std::vector<std::string> errors;
  ConfigValue root;
  CHECK_FALSE(ConfigParser(errors).parse_text(text, "f", folder, root));
  return errors.size() == 1 ? errors[0] : std::to_string(errors.size()) + " errors";
}

const ConfigValue& at(const ConfigValue& map, std::string_view key) {
  const ConfigEntry* found = map.find(key);
  REQUIRE_MESSAGE(found != nullptr, std::string(key));
  return found->value;
}

// The value of the only key.
ConfigValue value(std::string_view text) {
  return at(parsed("v: " + std::string(text) + "\n"), "v");
}
std::string string_of(std::string_view text) {
  const ConfigValue v = value(text);
  CHECK_MESSAGE(v.type == Type::string, std::string(text));
  return v.text;
}
int64_t integer_of(std::string_view text) {
  const ConfigValue v = value(text);
  CHECK_MESSAGE(v.type == Type::integer, std::string(text));
  return v.integer;
}
std::vector<std::string> texts(const ConfigValue& array) {
  CHECK(array.type == Type::array);
  std::vector<std::string> out;
  for (const ConfigValue& item : array.items) out.push_back(item.text);
  return out;
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a colon, an equals sign or a blank stands between key and value") {
  const ConfigValue root = parsed("a = 1\nb: 2\nc 3\nd=4\ne:5\n f\t:\t6\n");
  CHECK(at(root, "a").integer == 1);
  CHECK(at(root, "b").integer == 2);
  CHECK(at(root, "c").integer == 3);
  CHECK(at(root, "d").integer == 4);
  CHECK(at(root, "e").integer == 5);
  CHECK(at(root, "f").integer == 6);
}

TEST_CASE("only a value without a separator may begin on the next line") {
  const ConfigValue root = parsed("a\n1\nm\n\n{ b\n  true }\n");
  CHECK(at(root, "a").integer == 1);
  CHECK(at(at(root, "m"), "b").boolean);
  CHECK(fault("x: 1\na:\n1\n") ==
        "f:2:1: expected a value for key \"a\", found the end of the line");
  CHECK(fault("a\n") == "f:1:1: expected a value for key \"a\", found the end of the line");
}

TEST_CASE("entries end with a line, a comma or a semicolon, and one of these is enough") {
  const ConfigValue root =
      parsed("a: 1, b: 2; c: 3,\nd: 4\n, e: 5 # six\n// seven\nf: { g: 8, }, h: 9");
  CHECK(root.entries.size() == 7);
  CHECK(at(root, "e").integer == 5);
  CHECK(at(at(root, "f"), "g").integer == 8);
  CHECK(fault("a: 1,, b: 2") == "f:1:6: unexpected ',' where a key is due");
  CHECK(fault(";a: 1") == "f:1:1: unexpected ';' where a key is due");
  CHECK(fault("a: 1 b: 2") == "f:1:6: expected the end of the entry, found 'b'");
  CHECK(fault("m { a: 1 } b: 2") == "f:1:12: expected the end of the entry, found 'b'");
}

TEST_CASE("JSON is a configuration, and so is JavaScript without its colons") {
  const ConfigValue json = parsed(R"({"a": 1, "m": {"b": true, "c": ["x", "y"]}, "n": null})");
  CHECK(at(json, "a").integer == 1);
  CHECK(texts(at(at(json, "m"), "c")) == Texts{"x", "y"});
  CHECK(at(json, "n").text == "null");
  const ConfigValue js = parsed("{\n  a 1\n  m {\n    b true\n  }\n}\n");
  CHECK(at(at(js, "m"), "b").boolean);
  CHECK(fault("{ a: 1 }\nb: 2\n") == "f:2:1: nothing may follow the closing '}'");
  CHECK(fault("{ a: 1\n") == "f:2:1: expected a map value terminator '}', found end of file");
  CHECK(fault("a: 1\n}") == "f:2:1: unexpected '}'");
}

TEST_CASE("keys may be quoted, and of equal ones the last counts") {
  const ConfigValue root = parsed("\"a b\": 1\n'c:d' = 2\ne: 3\ne: 4\n");
  CHECK(at(root, "a b").integer == 1);
  CHECK(at(root, "c:d").integer == 2);
  CHECK(at(root, "e").integer == 4);
  CHECK(fault("\n \"a\nb\": 1") == "f:2:2: a quoted key must end on its line");
}

TEST_CASE("truth has six spellings in any case") {
  for (const char* text : {"true", "YES", "On"}) CHECK(value(text).boolean);
  for (const char* text : {"false", "No", "oFF"}) {
    const ConfigValue v = value(text);
    CHECK(v.type == Type::boolean);
    CHECK_FALSE(v.boolean);
  }
  CHECK(string_of("\"true\"") == "true");
  CHECK(string_of("truex") == "truex");
}

TEST_CASE("k is a thousand, kb and ki and kib are 1024, in any case, up to e") {
  CHECK(integer_of("-17") == -17);
  CHECK(integer_of("010") == 10);
  const char letters[] = "kmgtpe";
  int64_t thousands = 1, binary = 1;
  for (size_t i = 0; i < 6; ++i) {
    thousands *= 1000;
    binary *= 1024;
    const std::string letter(1, letters[i]);
    CHECK(integer_of("1" + letter) == thousands);
    for (const char* rest : {"b", "B", "i", "I", "ib", "iB", "IB"})
      CHECK(integer_of("1" + letter + rest) == binary);
  }
  CHECK(integer_of("64MiB") == 64 * 1024 * 1024);
  CHECK(integer_of("-2K") == -2000);
  CHECK(integer_of("2m") == 2'000'000);
  CHECK(fault("v: 99999999999999999999") ==
        "f:1:4: integer '99999999999999999999' is out of the range");
  CHECK(fault("v: 10e") == "f:1:4: integer '10e' is out of the range");
}

TEST_CASE("what only begins like a number is a string") {
  for (const char* text : {"1x", "1kx", "1b", "1kbb", "127.0.0.1:4222", "1.2.3.4", "12:30", "5%",
                           "2s", "1h30m", "10ms", "0x10", "1e3", "+5", "2001:db8", "a.5"})
    CHECK(string_of(text) == text);
}

TEST_CASE("floats and dates are values of their own") {
  CHECK(value("1.5").type == Type::real);
  CHECK(value("1.5").real == 1.5);
  CHECK(value("-0.25").real == -0.25);
  CHECK(value("2026-01-02T03:04:05Z").type == Type::datetime);
}

TEST_CASE("double quotes know six escapes and no others") {
  CHECK(string_of(R"("a\tb\n\r\"\\\x41")") == "a\tb\n\r\"\\A");
  CHECK(string_of("\"# no comment, { } [ ] ; $X\"") == "# no comment, { } [ ] ; $X");
  CHECK(string_of("\"two\nlines\"") == "two\nlines");
  CHECK(string_of("\"\"").empty());
  CHECK(fault(R"(v: "a\q")") ==
        R"(f:1:6: invalid escape; only \xHH, \t, \n, \r, \" and \\ are known)");
  CHECK(fault(R"(v: "\x4")") == R"(f:1:5: expected two hexadecimal digits after '\x')");
  CHECK(fault(R"(v: "\x-1")") == R"(f:1:5: expected two hexadecimal digits after '\x')");
  CHECK(fault("v: \"open\n") == "f:1:4: string without its closing quote");
}

TEST_CASE("single quotes know none") {
  CHECK(string_of(R"('a\q"b')") == R"(a\q"b)");
  CHECK(fault("v: 'open\n") == "f:1:4: string without its closing quote");
}

TEST_CASE("a bare string ends where something else could begin") {
  CHECK(string_of("a#b") == "a#b");
  CHECK(string_of("a//b") == "a//b");
  CHECK(string_of("a:b=c") == "a:b=c");
  CHECK(string_of("foo.*.>") == "foo.*.>");
  CHECK(string_of(R"(a\x41b)") == "aAb");
  CHECK(at(parsed("v: a, w: b; x: c"), "w").text == "b");
  CHECK(fault("v: one two") == "f:1:8: expected the end of the entry, found 't'");
  CHECK(fault("v: a'b'") == "f:1:5: expected the end of the entry, found '''");
}

TEST_CASE("a block is raw and ends with a line that holds only its parenthesis") {
  const ConfigValue root = parsed("v: (\n  f(x) { \"y\" # z\n  )\n) w\n)\nw: 1\n");
  CHECK(at(root, "v").text == "\n  f(x) { \"y\" # z\n  )\n) w\n");
  CHECK(at(root, "w").integer == 1);
  CHECK(fault("v: ( one line )\n") == "f:1:4: block without its closing ')' on a line of its own");
}

TEST_CASE("items of arrays end with a comma or a line") {
  CHECK(texts(value("[a, \"b\", 'c']")) == Texts{"a", "b", "c"});
  CHECK(texts(value("[\n a\n b, # c\n\n d\n , e, ]")) == Texts{"a", "b", "d", "e"});
  CHECK(value("[]").items.empty());
  const ConfigValue nested = value("[[a], {b: c}]");
  REQUIRE(nested.items.size() == 2);
  CHECK(texts(nested.items[0]) == Texts{"a"});
  CHECK(at(nested.items[1], "b").text == "c");
  CHECK(fault("v: [a,, b]") == "f:1:7: expected a value in an array, found ','");
  CHECK(fault("v: [, a]") == "f:1:5: expected a value in an array, found ','");
  CHECK(fault("v: [a; b]") == "f:1:6: expected ',' or ']' in an array, found ';'");
  CHECK(fault("v: [\"a\" \"b\"]") == "f:1:9: expected ',' or ']' in an array, found '\"'");
  CHECK(fault("\nv: [a, b\n") == "f:2:4: array without its closing ']'");
}

TEST_CASE("bare integers fill an array too, which nats-server cannot read") {
  const ConfigValue v = value("[1, 2, 3]");
  REQUIRE(v.items.size() == 3);
  CHECK(v.items[2].integer == 3);
}

TEST_CASE("$2a$ without quotes is a bcrypt hash, $2b$ and $2y$ need quotes") {
  CHECK(string_of("$2a$11$abc.def/ghi") == "$2a$11$abc.def/ghi");
  CHECK(string_of("\"$2b$11$abc\"") == "$2b$11$abc");
  CHECK(string_of("'$2y$11$abc'") == "$2y$11$abc");
  CHECK(fault("v: $2b$11$abc") == "f:1:4: variable reference for '2b$11$abc' can not be found");
}

TEST_CASE(
    "a variable is looked up from the innermost map outwards, above its use, by its exact name") {
  const ConfigValue root =
      parsed("X = outer\nm { X = inner, a: $X, n { b: $X } }\nc: $X\nlist [ $X, y ]\ncopy: $m\n");
  CHECK(at(at(root, "m"), "a").text == "inner");
  CHECK(at(at(at(root, "m"), "n"), "b").text == "inner");
  CHECK(at(root, "c").text == "outer");
  CHECK(texts(at(root, "list")) == Texts{"outer", "y"});
  CHECK(at(at(root, "copy"), "a").text == "inner");
  CHECK(root.find("X")->used_as_variable);
  CHECK_FALSE(root.find("c")->used_as_variable);
  CHECK(string_of("\"$X\"") == "$X");
  CHECK(fault("a: $LATER\nLATER: 1") == "f:1:4: variable reference for 'LATER' can not be found");
  CHECK(fault("x: 1\na: $X") == "f:2:4: variable reference for 'X' can not be found");
  CHECK(fault("m { X: 1 }\na: $X") == "f:2:4: variable reference for 'X' can not be found");
  CHECK(fault("a: $ X") == "f:1:4: a variable needs a name");
}

TEST_CASE("the environment is asked last, and what it says is read like a value of the file") {
  const Environment size("PIPIT_TEST_A", "1k"), list("PIPIT_TEST_B", "[a, b]"),
      map("PIPIT_TEST_C", "{ a: 1 }"), chain("PIPIT_TEST_D", "$PIPIT_TEST_A"),
      quoted("PIPIT_TEST_E", "\"1k\""), empty("PIPIT_TEST_F", "");
  CHECK(integer_of("$PIPIT_TEST_A") == 1000);
  CHECK(texts(value("$PIPIT_TEST_B")) == Texts{"a", "b"});
  CHECK(at(value("$PIPIT_TEST_C"), "a").integer == 1);
  CHECK(integer_of("$PIPIT_TEST_D") == 1000);
  CHECK(string_of("$PIPIT_TEST_E") == "1k");
  CHECK(string_of("$PIPIT_TEST_F").empty());
  CHECK(at(parsed("PIPIT_TEST_A: x\nv: $PIPIT_TEST_A"), "v").text == "x");
}

TEST_CASE("a variable of the environment that goes round in circles or is two values is refused") {
  const Environment one("PIPIT_TEST_A", "$PIPIT_TEST_B"), two("PIPIT_TEST_B", "$PIPIT_TEST_A"),
      words("PIPIT_TEST_C", "two words");
  CHECK(fault("\nv: $PIPIT_TEST_A") == "f:2:4: variable reference cycle for 'PIPIT_TEST_A'");
  CHECK(fault("v: $PIPIT_TEST_C").starts_with("f:1:"));
}

TEST_CASE("an include is read from the includer's folder into the map that it stands in") {
  const test::TempDir dir;
  dir.write("name.conf", "name: one\n");
  dir.write("nested.conf", "include \"name.conf\"\nport: 1\n");
  dir.write("wrapped.conf", "{ tls: no }");
  dir.write("variable.conf", "FROM_PART = 7\n");
  dir.write("uses.conf", "b: $OUTER\n");
  const ConfigValue root = parsed(
      "include nested.conf # why\nOUTER = 8\nm { include 'wrapped.conf' }\nInclude variable.conf\n"
      "a: $FROM_PART\ninclude uses.conf, c: 9; name: two\n",
      dir.path());
  CHECK(at(root, "name").text == "two");
  CHECK(at(root, "port").integer == 1);
  CHECK_FALSE(at(at(root, "m"), "tls").boolean);
  CHECK(at(root, "a").integer == 7);
  CHECK(at(root, "b").integer == 8);
  CHECK(at(root, "c").integer == 9);
  CHECK(at(parsed("include: name.conf", dir.path()), "include").text == "name.conf");
}

TEST_CASE("what is wrong with an include is said where it stands, what is wrong in it there") {
  const test::TempDir dir;
  const std::string bad = dir.write("bad.conf", "\n  a: [ b }\n");
  const std::string self = dir.write("self.conf", "include self.conf\n");
  CHECK(fault("include bad.conf", dir.path()) ==
        bad + ":2:10: expected ',' or ']' in an array, found '}'");
  CHECK(fault("a: 1\ninclude nobody.conf", dir.path()) ==
        "f:2:9: error parsing include file \"nobody.conf\": cannot be read");
  CHECK(fault("include .", dir.path()) ==
        "f:1:9: error parsing include file \".\": cannot be read");
  CHECK(fault("include\n", dir.path()) == "f:1:8: include needs a file name");
  CHECK(fault("include self.conf", dir.path()) ==
        self + ":1:9: include of \"self.conf\" goes round in circles");
}

TEST_CASE("lines may end as on Windows, and columns count bytes from one") {
  const ConfigValue root = parsed("a: 1\r\nm {\r\n\tb: yes\r\n}\r\n");
  CHECK(at(at(root, "m"), "b").boolean);
  CHECK(root.find("m")->at.line == 2);
  CHECK(at(root, "m").find("b")->at.line == 3);
  CHECK(at(root, "m").find("b")->at.column == 2);
  CHECK(at(at(root, "m"), "b").at.column == 2);
}

TEST_CASE("maps and arrays inside one another have an end") {
  for (const char* open : {"{a", "["}) {
    std::string deep = "a ";
    for (int i = 0; i < 100'000; ++i) deep += open;
    CHECK(fault(deep).ends_with("maps and arrays are nested too deeply"));
  }
}
