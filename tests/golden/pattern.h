// Pattern: what a transcript expects on the wire, bytes with a few explicit placeholders.
//
//   \r \n \t \\ \~ \xHH    that byte           ~fill:N:c   N times the byte c
//   ~num    one or more digits                 ~token      one or more bytes that are not blank
//   ~json   one JSON object, kept              ~bytes:N    any N bytes
//
// Everything else stands for itself. Matching takes no step back: a placeholder takes all it can.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace pipit::golden {

class Pattern {
 public:
  enum class Verdict { match, incomplete, differs };
  struct Outcome {
    Verdict verdict;
    size_t length;     // of the match, or up to where it still agreed
    std::string json;  // what ~json took
  };

  // Returns what is wrong with `text`, or nothing. Placeholders need `may_vary`; without it the
  // result is plain bytes, to be sent.
  std::string compile(std::string_view text, bool may_vary);
  // Only for a pattern without placeholders.
  const std::string& bytes() const { return parts_.front().literal; }
  // Appends plain bytes.
  void append(std::string_view literal);
  // As it was written, for messages.
  const std::string& source() const { return source_; }
  // Compares the beginning of `input` with the whole pattern.
  Outcome match(std::string_view input) const;

 private:
  enum class Kind { literal, number, token, json, bytes };
  struct Part {
    Kind kind;
    std::string literal;
    size_t count = 0;
  };
  std::string add_placeholder(std::string_view& rest, bool may_vary);

  std::vector<Part> parts_{{Kind::literal, {}, 0}};
  std::string source_;
};

// Bytes for a person: printable as they are, the rest escaped as the patterns write them.
std::string visible(std::string_view bytes);

}  // namespace pipit::golden
