#include "protocol/json_reader.h"

#include <charconv>

#include "protocol/utf8.h"

namespace pipit::proto {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

uint32_t read_hex4(std::string_view digits) {
  uint32_t value = 0;
  std::from_chars(digits.data(), digits.data() + 4, value, 16);
  return value;
}

void append_utf8(std::string& out, uint32_t rune) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (rune >> shift & 0x3F)); };
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xC0 | rune >> 6);
    tail(0);
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xE0 | rune >> 12);
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | rune >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

// An escape at the front of `text`, which starts with '\\'; returns its size.
size_t append_unescaped(std::string& out, std::string_view text) {
  constexpr std::string_view kLetters = "bfnrt", kMeant = "\b\f\n\r\t";
  if (text[1] != 'u') {
    const size_t i = kLetters.find(text[1]);
    out += i == std::string_view::npos ? text[1] : kMeant[i];
    return 2;
  }
  const uint32_t unit = read_hex4(text.substr(2));
  if (unit >= 0xD800 && unit < 0xDC00 && text.size() >= 12 && text.substr(6, 2) == "\\u") {
    const uint32_t low = read_hex4(text.substr(8));
    if (low >= 0xDC00 && low < 0xE000) {
      append_utf8(out, 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00));
      return 12;
    }
  }
  if (unit >= 0xD800 && unit < 0xE000) {
    out += kReplacement;
  } else {
    append_utf8(out, unit);
  }
  return 6;
}

template <class Integer>
bool parse_whole(std::string_view digits, Integer& out) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  out = value;
  return true;
}

}  // namespace

char JsonReader::peek() {
  while (is_json_blank(text_[at_])) ++at_;
  return text_[at_];
}

bool JsonReader::is_null() { return peek() == 'n'; }

bool JsonReader::take_literal_null() {
  if (!is_null()) return false;
  at_ += 4;
  return true;
}

// Past the value that is due, however deep.
void JsonReader::skip() {
  size_t depth = 0;
  do {
    const char c = peek();
    if (c == '"') {
      for (++at_; text_[at_] != '"'; ++at_)
        if (text_[at_] == '\\') ++at_;
      ++at_;
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at_;
    } else if (c == '}' || c == ']') {
      --depth;
      ++at_;
    } else if (c == ',' || c == ':') {
      ++at_;
    } else {
      while (at_ < text_.size() && !is_json_blank(text_[at_]) &&
             std::string_view(",:]}").find(text_[at_]) == std::string_view::npos)
        ++at_;
    }
  } while (depth > 0);
}

std::string_view JsonReader::raw() {
  peek();
  const size_t start = at_;
  skip();
  return text_.substr(start, at_ - start);
}

void JsonReader::abort(std::string fault) {
  fault_ = std::move(fault);
  aborted_ = true;
}

std::string JsonReader::describe(std::string_view found, std::string_view type) const {
  std::string text = "json: cannot unmarshal ";
  text += found;
  text += " into Go ";
  if (path_.empty()) {
    text += "value";
  } else {
    text += "struct field ";
    text += struct_;
    for (const std::string_view name : path_) (text += '.') += name;
  }
  text += " of type ";
  return text += type;
}

void JsonReader::mismatch(std::string_view found, std::string_view type) {
  if (fault_.empty()) fault_ = describe(found, type);
}

void JsonReader::unknown_member(std::string_view name) {
  if (strict_ && fault_.empty()) fault_ = "json: unknown field " + quote_go(name);
}

namespace {

// What Go calls a value that begins like this.
std::string_view kind(char c) {
  switch (c) {
    case '{':
      return "object";
    case '[':
      return "array";
    case '"':
      return "string";
    case 't':
    case 'f':
      return "bool";
    default:
      return "number";
  }
}

}  // namespace

bool JsonReader::number(std::string_view& digits, std::string_view type) {
  if (take_literal_null()) return false;
  const std::string_view found = kind(peek());
  if (found == "number") {
    digits = raw();
    return true;
  }
  mismatch(found, type);
  skip();
  return false;
}

void JsonReader::read(bool& out) {
  if (take_literal_null()) return;
  const char c = peek();
  if (kind(c) == "bool") {
    out = c == 't';
  } else {
    mismatch(kind(c), "bool");
  }
  skip();
}

void JsonReader::read(std::string& out) {
  if (take_literal_null()) return;
  const char c = peek();
  if (c == '"') {
    out = string();
    return;
  }
  mismatch(kind(c), "string");
  skip();
}

std::optional<std::string> JsonReader::string_or_abort() {
  if (take_literal_null()) return std::string();
  if (peek() == '"') return string();
  abort(describe(kind(peek()), "string"));
  return std::nullopt;
}

void JsonReader::read(int64_t& out, std::string_view type) {
  std::string_view digits;
  if (number(digits, type) && !parse_whole(digits, out))
    mismatch("number " + std::string(digits), type);
}

void JsonReader::read(int32_t& out) {
  std::string_view digits;
  if (number(digits, "int32") && !parse_whole(digits, out))
    mismatch("number " + std::string(digits), "int32");
}

void JsonReader::read(uint64_t& out) {
  std::string_view digits;
  if (number(digits, "uint64") && !parse_whole(digits, out))
    mismatch("number " + std::string(digits), "uint64");
}

void JsonReader::read(std::vector<std::string>& out) {
  if (take_literal_null()) {
    out.clear();
    return;
  }
  if (!begin('[', "string", "[]")) return;
  size_t count = 0;
  for (; next_element(); ++count) {
    if (count == kJsonElementsMax) return abort("too many elements in an array");
    if (count == out.size()) out.emplace_back();
    read(out[count]);
  }
  out.resize(count);
}

bool JsonReader::begin(char bracket, std::string_view type, std::string_view prefix) {
  const char c = peek();
  if (c == bracket) {
    ++at_;
    return true;
  }
  mismatch(kind(c), std::string(prefix) += type);
  skip();
  return false;
}

bool JsonReader::next_element() {
  if (peek() == ',') ++at_;
  if (peek() != ']') return true;
  ++at_;
  return false;
}

bool JsonReader::next_member(std::string& name) {
  if (peek() == ',') ++at_;
  if (peek() == '}') {
    ++at_;
    return false;
  }
  name = string();
  peek();
  ++at_;  // ':'
  return true;
}

std::string JsonReader::string() {
  std::string out;
  for (++at_; text_[at_] != '"';) {
    const std::string_view rest = text_.substr(at_);
    if (rest[0] == '\\') {
      at_ += append_unescaped(out, rest);
      continue;
    }
    const size_t size = utf8_sequence_size(rest);
    out += size == 0 ? kReplacement : rest.substr(0, size);
    at_ += size == 0 ? 1 : size;
  }
  ++at_;
  return out;
}

// Without case, which folds two letters outside ASCII as well. Requires: `name` is lower case.
bool JsonReader::same_name(std::string_view found, std::string_view name) {
  for (const char expected : name) {
    if (found.empty()) return false;
    size_t used = 1;
    char c = found[0];
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (found.starts_with("\xC5\xBF")) {  // long s
      c = 's';
      used = 2;
    } else if (found.starts_with("\xE2\x84\xAA")) {  // Kelvin sign
      c = 'k';
      used = 3;
    }
    if (c != expected) return false;
    found.remove_prefix(used);
  }
  return found.empty();
}

}  // namespace pipit::proto
