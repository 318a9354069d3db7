#include "tests/golden/pattern.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace pipit::golden {
namespace {

// Takes `word` off the front of `rest`.
bool take(std::string_view& rest, std::string_view word) {
  if (!rest.starts_with(word)) return false;
  rest.remove_prefix(word.size());
  return true;
}

size_t take_number(std::string_view& rest) {
  size_t value = 0;
  auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  return value;
}

// The byte of an escape whose backslash is gone; -1 when it is none.
int take_escape(std::string_view& rest) {
  if (rest.empty()) return -1;
  char letter = rest.front();
  rest.remove_prefix(1);
  switch (letter) {
    case 'r':
      return '\r';
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '\\':
      return '\\';
    case '~':
      return '~';
    case 'x':
      break;
    default:
      return -1;
  }
  unsigned value = 0;
  if (rest.size() < 2) return -1;
  auto [end, failed] = std::from_chars(rest.data(), rest.data() + 2, value, 16);
  if (end != rest.data() + 2) return -1;
  rest.remove_prefix(2);
  return static_cast<int>(value);
}

// The length of the JSON object that `input` starts with; 0: it is not finished.
size_t json_length(std::string_view input) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < input.size(); ++i) {
    char c = input[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth == 0) {
      return i + 1;
    }
  }
  return 0;
}

size_t length_while(std::string_view input, bool (*accept)(char)) {
  return static_cast<size_t>(std::find_if_not(input.begin(), input.end(), accept) - input.begin());
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_not_blank(char c) { return c != ' ' && c != '\t' && c != '\r' && c != '\n'; }

}  // namespace

std::string Pattern::compile(std::string_view rest, bool may_vary) {
  source_ += rest;
  while (!rest.empty()) {
    char c = rest.front();
    rest.remove_prefix(1);
    if (c == '~') {
      if (std::string fault = add_placeholder(rest, may_vary); !fault.empty()) return fault;
      continue;
    }
    if (c == '\\') {
      int byte = take_escape(rest);
      if (byte < 0) return "unknown escape";
      c = static_cast<char>(byte);
    }
    append({&c, 1});
  }
  return {};
}

std::string Pattern::add_placeholder(std::string_view& rest, bool may_vary) {
  if (take(rest, "fill:")) {
    size_t count = take_number(rest);
    if (count == 0 || rest.size() < 2 || rest[0] != ':')
      return "~fill:N:c wants a count and a byte";
    append(std::string(count, rest[1]));
    rest.remove_prefix(2);
    return {};
  }
  if (!may_vary) return "a placeholder cannot be sent";
  if (take(rest, "num")) {
    parts_.push_back({Kind::number, {}, 0});
  } else if (take(rest, "token")) {
    parts_.push_back({Kind::token, {}, 0});
  } else if (take(rest, "json")) {
    parts_.push_back({Kind::json, {}, 0});
  } else if (take(rest, "bytes:")) {
    parts_.push_back({Kind::bytes, {}, take_number(rest)});
  } else {
    return "unknown placeholder; a tilde of its own is written \\~";
  }
  return {};
}

void Pattern::append(std::string_view literal) {
  if (parts_.back().kind != Kind::literal) parts_.push_back({Kind::literal, {}, 0});
  parts_.back().literal.append(literal);
}

Pattern::Outcome Pattern::match(std::string_view input) const {
  Outcome out{Verdict::match, 0, {}};
  auto stop = [&](Verdict verdict) {
    out.verdict = verdict;
    return out;
  };
  for (const Part& part : parts_) {
    std::string_view here = input.substr(out.length);
    size_t length = 0;
    switch (part.kind) {
      case Kind::literal: {
        auto [at, in] =
            std::mismatch(part.literal.begin(), part.literal.end(), here.begin(), here.end());
        out.length += static_cast<size_t>(in - here.begin());
        if (at == part.literal.end()) continue;
        return stop(in == here.end() ? Verdict::incomplete : Verdict::differs);
      }
      case Kind::number:
        length = length_while(here, is_digit);
        break;
      case Kind::token:
        length = length_while(here, is_not_blank);
        break;
      case Kind::bytes:
        length = std::min(part.count, here.size());
        break;
      case Kind::json:
        if (!here.empty() && here.front() != '{') return stop(Verdict::differs);
        length = json_length(here);
        out.json = here.substr(0, length);
        if (length == 0) return stop(Verdict::incomplete);
        break;
    }
    bool more_may_come = part.kind == Kind::bytes
                             ? length < part.count
                             : part.kind != Kind::json && length == here.size();
    if (more_may_come) return stop(Verdict::incomplete);
    if (length == 0) return stop(Verdict::differs);
    out.length += length;
  }
  return out;
}

std::string visible(std::string_view bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\r')
      out += "\\r";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\\')
      out += "\\\\";
    else if (byte >= 0x20 && byte < 0x7f)
      out += c;
    else
      out.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return out;
}

}  // namespace pipit::golden
