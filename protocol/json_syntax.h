// Finds where a JSON value ends and what is wrong with it, in the words of Go's encoding/json:
// clients of nats-server see those words ("invalid character '}' looking for beginning of value").
//
// Same grammar and depth limit as Go's scanner; bytes above 0x7F inside strings are not judged.
// Needs no recursion and one byte of memory for each level of nesting.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace pipit::proto {

inline constexpr size_t kJsonDepthMax = 10'000;

struct JsonScan {
  enum class End {
    value,      // `size` bytes, leading blanks among them, hold one value
    blank,      // nothing but blanks
    truncated,  // the text ends inside a value
    fault,      // `fault` says what is wrong with the byte at `size`
  };
  End end = End::blank;
  size_t size = 0;
  std::string fault;
};

// The first value of `text`. What follows it is not looked at.
JsonScan scan_json(std::string_view text);

// Blank, tab, line feed or carriage return: what may stand between tokens.
constexpr bool is_json_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// `text` as Go's strconv.Quote writes it (the verb %q): in quotes, what is not printable escaped.
std::string quote_go(std::string_view text);
// "invalid character 'x' " and `context`: a fault of the grammar.
std::string invalid_character(char c, std::string_view context);

}  // namespace pipit::proto
