#include "protocol/json_syntax.h"

#include <cstdint>

#include "protocol/utf8.h"

namespace pipit::proto {
namespace {

using End = JsonScan::End;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Walks over `text`; each function returns false once `scan` says how it ended.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  JsonScan run();

 private:
  bool fault(std::string_view context) {
    scan_ = {End::fault, at_, invalid_character(text_[at_], context)};
    return false;
  }
  // Is there a byte at `at_`?
  bool more() {
    if (at_ < text_.size()) return true;
    scan_ = {End::truncated, at_, {}};
    return false;
  }
  void skip_blanks() {
    while (at_ < text_.size() && is_json_blank(text_[at_])) ++at_;
  }
  bool next_token() {
    skip_blanks();
    return more();
  }
  bool open(char bracket);
  bool begin_value(bool& complete);
  bool after_value();
  bool member_name();
  bool string();
  bool number();
  bool digits(std::string_view context);
  bool word(std::string_view rest, std::string_view name);

  std::string_view text_;
  size_t at_ = 0;
  std::string open_;  // brackets that wait for their partner
  JsonScan scan_;
};

bool Scanner::open(char bracket) {
  if (open_.size() == kJsonDepthMax) return fault("exceeded max depth");
  open_ += bracket;
  ++at_;
  return true;
}

// Up to the first nested value, or to the end of the value: then `complete`.
bool Scanner::begin_value(bool& complete) {
  if (!next_token()) return false;
  complete = true;
  switch (text_[at_]) {
    case '{':
      if (!open('{') || !next_token()) return false;
      if (text_[at_] != '}') {
        complete = false;
        return member_name();
      }
      open_.pop_back();
      ++at_;
      return true;
    case '[':
      if (!open('[') || !next_token()) return false;
      if (text_[at_] != ']') {
        complete = false;
        return true;
      }
      open_.pop_back();
      ++at_;
      return true;
    case '"':
      return string();
    case 't':
      return word("rue", "true");
    case 'f':
      return word("alse", "false");
    case 'n':
      return word("ull", "null");
    default:
      if (text_[at_] == '-' || is_digit(text_[at_])) return number();
      return fault("looking for beginning of value");
  }
}

// Closes brackets until another value is due or none is open.
bool Scanner::after_value() {
  while (!open_.empty()) {
    if (!next_token()) return false;
    const bool object = open_.back() == '{';
    const char c = text_[at_];
    if (c == ',') {
      ++at_;
      return !object || (next_token() && member_name());
    }
    if (c != (object ? '}' : ']'))
      return fault(object ? "after object key:value pair" : "after array element");
    open_.pop_back();
    ++at_;
  }
  return true;
}

bool Scanner::member_name() {
  if (text_[at_] != '"') return fault("looking for beginning of object key string");
  if (!string() || !next_token()) return false;
  if (text_[at_] != ':') return fault("after object key");
  ++at_;
  return true;
}

bool Scanner::string() {
  for (++at_; more(); ++at_) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return true;
    }
    if (static_cast<unsigned char>(c) < 0x20) return fault("in string literal");
    if (c != '\\') continue;
    ++at_;
    if (!more()) return false;
    if (std::string_view("bfnrt\\/\"").find(text_[at_]) != std::string_view::npos) continue;
    if (text_[at_] != 'u') return fault("in string escape code");
    for (int i = 0; i < 4; ++i) {
      ++at_;
      if (!more()) return false;
      if (!is_hex(text_[at_])) return fault("in \\u hexadecimal character escape");
    }
  }
  return false;
}

// One digit and all that follow it.
bool Scanner::digits(std::string_view context) {
  if (!more()) return false;
  if (!is_digit(text_[at_])) return fault(context);
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  return true;
}

bool Scanner::number() {
  const auto at = [this](std::string_view any) {
    return at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos;
  };
  if (at("-")) ++at_;
  if (at("0")) {
    ++at_;
  } else if (!digits("in numeric literal")) {
    return false;
  }
  if (at(".")) {
    ++at_;
    if (!digits("after decimal point in numeric literal")) return false;
  }
  if (at("eE")) {
    ++at_;
    if (at("+-")) ++at_;
    if (!digits("in exponent of numeric literal")) return false;
  }
  return true;
}

bool Scanner::word(std::string_view rest, std::string_view name) {
  for (const char expected : rest) {
    ++at_;
    if (!more()) return false;
    if (text_[at_] == expected) continue;
    std::string context = "in literal ";
    context += name;
    context += " (expecting '";
    context += expected;
    return fault(context + "')");
  }
  ++at_;
  return true;
}

JsonScan Scanner::run() {
  skip_blanks();
  if (at_ == text_.size()) return {End::blank, at_, {}};
  do {
    bool complete = false;
    if (!begin_value(complete) || (complete && !after_value())) return scan_;
  } while (!open_.empty());
  return {End::value, at_, {}};
}

void append_hex(std::string& out, uint32_t value, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
    out += "0123456789abcdef"[value >> shift & 0xF];
}

// Go's unicode.IsPrint without its table of unassigned letters: those count as printable here.
bool is_printable(uint32_t rune) {
  if (rune < 0x20 || (rune >= 0x7F && rune <= 0xA0) || rune == 0xAD) return false;
  const bool blank = rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200F) || rune == 0x3000;
  const bool format = (rune >= 0x2028 && rune <= 0x202F) || (rune >= 0x205F && rune <= 0x206F) ||
                      rune == 0xFEFF || (rune >= 0xFFF0 && rune <= 0xFFFB);
  const bool own_use = (rune >= 0xE000 && rune <= 0xF8FF) || rune >= 0xE0000;
  return !blank && !format && !own_use && (rune & 0xFFFE) != 0xFFFE;
}

uint32_t decode_utf8(std::string_view sequence) {
  const auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead;
  uint32_t rune = lead & (0x7Fu >> sequence.size());
  for (const char c : sequence.substr(1))
    rune = rune << 6 | (static_cast<unsigned char>(c) & 0x3Fu);
  return rune;
}

// One character between quotes of the kind `quote`.
void append_quoted(std::string& out, std::string_view sequence, char quote) {
  const uint32_t rune = decode_utf8(sequence);
  if (sequence[0] == quote || sequence[0] == '\\') {
    out += '\\';
    out += sequence[0];
  } else if (is_printable(rune)) {
    out += sequence;
  } else if (rune >= 7 && rune <= 13) {
    out += '\\';
    out += "abtnvfr"[rune - 7];
  } else if (rune < 0x80) {
    out += "\\x";
    append_hex(out, rune, 2);
  } else if (rune < 0x10000) {
    out += "\\u";
    append_hex(out, rune, 4);
  } else {
    out += "\\U";
    append_hex(out, rune, 8);
  }
}

}  // namespace

JsonScan scan_json(std::string_view text) { return Scanner(text).run(); }

std::string quote_go(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const size_t size = utf8_sequence_size(text);
    if (size == 0) {
      out += "\\x";
      append_hex(out, static_cast<unsigned char>(text[0]), 2);
    } else {
      append_quoted(out, text.substr(0, size), '"');
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out + '"';
}

std::string invalid_character(char c, std::string_view context) {
  // Go takes the byte for a code point.
  const auto byte = static_cast<unsigned char>(c);
  std::string rune;
  if (byte < 0x80) {
    rune = c;
  } else {
    rune += static_cast<char>(0xC0 | byte >> 6);
    rune += static_cast<char>(0x80 | (byte & 0x3F));
  }
  std::string out = "invalid character '";
  append_quoted(out, rune, '\'');
  out += "' ";
  out += context;
  return out;
}

}  // namespace pipit::proto
