#include "tests/golden/transcript.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

namespace pipit::golden {
namespace {

using Kind = Step::Kind;

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// Takes the part up to `separator`, which goes too, off the front of `rest`.
std::string_view take_until(std::string_view& rest, char separator) {
  size_t at = std::min(rest.find(separator), rest.size());
  std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return part;
}

bool take_condition(std::string_view& line, Condition& out) {
  if (!line.starts_with('[')) return true;
  size_t end = line.find("] ");
  if (end == std::string_view::npos) return false;
  std::string_view tags = line.substr(1, end - 1);
  line.remove_prefix(end + 2);
  while (!tags.empty()) {
    std::string_view tag = trimmed(take_until(tags, ','));
    if (tag.starts_with('!'))
      out.unwanted.emplace_back(tag.substr(1));
    else
      out.wanted.emplace_back(tag);
  }
  return true;
}

template <class Number>
bool number(std::string_view text, Number& out) {
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc{} && end == text.data() + text.size();
}

// "binary nofin deflate", "close 1002", "op3 unmasked rsv2 length=70000"
std::string parse_frame(std::string_view words, Step& step) {
  static const std::map<std::string_view, uint8_t> kOps = {{"cont", 0},  {"text", 1}, {"binary", 2},
                                                           {"close", 8}, {"ping", 9}, {"pong", 10}};
  std::string_view op = take_until(words, ' ');
  if (auto known = kOps.find(op); known != kOps.end())
    step.frame.op = known->second;
  else if (!op.starts_with("op") || !number(op.substr(2), step.frame.op))
    return "unknown frame kind";
  while (!words.empty()) {
    std::string_view word = take_until(words, ' ');
    uint64_t value = 0;
    if (word == "nofin")
      step.frame.fin = false;
    else if (word == "unmasked")
      step.frame.masked = false;
    else if (word == "deflate")
      step.frame.deflated = true;
    else if (word == "rsv1")
      step.frame.rsv |= 4;
    else if (word == "rsv2")
      step.frame.rsv |= 2;
    else if (word == "rsv3")
      step.frame.rsv |= 1;
    else if (word.starts_with("length=") && number(word.substr(7), value))
      step.frame.length = value;
    else if (word.starts_with("pieces=") && number(word.substr(7), value))
      step.frame.pieces = value;
    else if (step.frame.op == 8 && number(word, step.count))
      continue;  // the close code
    else
      return "unknown word in a frame line";
  }
  return {};
}

std::string parse_frame_line(std::string_view rest, bool sent, Step& step) {
  size_t colon = rest.find(':');
  if (colon == std::string_view::npos) return "a frame line wants a colon before its payload";
  step.kind = sent ? Kind::send_frame : Kind::expect_frame;
  if (std::string fault = parse_frame(trimmed(rest.substr(0, colon)), step); !fault.empty())
    return fault;
  rest.remove_prefix(colon + 1);
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  return step.pattern.compile(rest, !sent);
}

// A control line or payload: a line end follows unless the text ends with a backslash.
std::string parse_line_of_bytes(std::string_view rest, bool may_vary, Step& step) {
  if (rest.starts_with(' ')) rest.remove_prefix(1);
  bool bare = rest.ends_with('\\') && !rest.ends_with("\\\\");
  if (bare) rest.remove_suffix(1);
  std::string fault = step.pattern.compile(rest, may_vary);
  if (!bare) step.pattern.append("\r\n");
  return fault;
}

std::string parse_word(std::string_view rest, Step& step) {
  static const std::map<std::string_view, Kind> kWords = {
      {"open", Kind::open},      {"ready", Kind::ready}, {"upgrade", Kind::upgrade},
      {"fence", Kind::fence},    {"close", Kind::close}, {"response", Kind::response},
      {"refused", Kind::refused}};
  auto known = kWords.find(take_until(rest, ' '));
  if (known == kWords.end()) return "unknown word";
  step.kind = known->second;
  step.text = trimmed(rest);
  if (step.kind != Kind::open || step.text.empty()) return {};
  if (step.text == "raw")
    step.kind = Kind::open_raw;
  else if (step.text == "websocket")
    step.kind = Kind::open_websocket;
  else
    return "open what?";
  return {};
}

std::string parse_total(std::string_view rest, Step& step) {
  step.kind = Kind::total;
  if (!number(take_until(rest, ' '), step.count)) return "total wants a number";
  std::string_view names = take_until(rest, '<');
  while (!names.empty()) step.clients.emplace_back(take_until(names, ','));
  return parse_line_of_bytes(rest, true, step);
}

std::string parse_step(std::string_view line, Step& step) {
  if (line == "server lame-duck") {
    step.kind = Kind::lame_duck;
    return {};
  }
  if (line.starts_with("total ")) return parse_total(line.substr(6), step);
  size_t end = static_cast<size_t>(
      std::find_if_not(line.begin(), line.end(), [](unsigned char c) { return std::isalnum(c); }) -
      line.begin());
  if (end == 0 || end == line.size()) return "neither a client's name nor a word";
  step.clients = {std::string(line.substr(0, end))};
  std::string_view rest = line.substr(end);
  if (rest.starts_with(">>")) return parse_frame_line(trimmed(rest.substr(2)), true, step);
  if (rest.starts_with("<<")) return parse_frame_line(rest.substr(2), false, step);
  char mark = rest.front();
  rest.remove_prefix(1);
  switch (mark) {
    case '>':
      step.kind = Kind::send;
      return parse_line_of_bytes(rest, false, step);
    case '<':
      step.kind = Kind::expect;
      return parse_line_of_bytes(rest, true, step);
    case '!':
      step.kind = Kind::closed;
      step.text = trimmed(rest);
      return {};
    case '?':
      step.kind = Kind::check;
      step.text = trimmed(rest);
      return {};
    case ' ':
      return parse_word(rest, step);
    default:
      return "unknown mark after the client's name";
  }
}

}  // namespace

bool Condition::holds(const Tags& tags) const {
  auto has = [&](const std::string& tag) { return tags.contains(tag); };
  return std::all_of(wanted.begin(), wanted.end(), has) &&
         std::none_of(unwanted.begin(), unwanted.end(), has);
}

std::string Transcript::parse(std::string_view file_name, std::string_view text) {
  name = file_name;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = take_until(text, '\n');
    if (trimmed(line).empty() || line.starts_with('#')) continue;
    Step step;
    step.line = number;
    std::string fault;
    if (!take_condition(line, step.condition))
      fault = "a condition ends with ] and a blank";
    else if (line.starts_with("| "))
      config.emplace_back(step.condition, line.substr(2));
    else if (line.starts_with("websocket| "))
      websocket_config.emplace_back(step.condition, line.substr(11));
    else if (line.starts_with("only ")) {
      std::string tags = "[" + std::string(line.substr(5)) + "] ";
      std::string_view view = tags;
      take_condition(view, only);
    } else {
      fault = parse_step(line, step);
      uses_websocket_port |= step.kind == Kind::open_websocket;
      steps.push_back(std::move(step));
    }
    if (!fault.empty()) return "line " + std::to_string(number) + ": " + fault;
  }
  return steps.empty() ? "no steps" : "";
}

std::string Transcript::config_text(const Tags& tags, int reactors, bool compression,
                                    const std::string& tls) const {
  std::string out = "listen: \"127.0.0.1:-1\"\n" + tls;
  if (reactors > 0) out += "reactors: " + std::to_string(reactors) + "\n";
  for (const auto& [condition, line] : config)
    if (condition.holds(tags)) out.append(line).append("\n");
  out += "websocket {\n  listen: \"127.0.0.1:-1\"\n";
  out += tls.empty() ? "  no_tls: true\n" : "  " + tls;
  if (compression) out += "  compression: true\n";
  for (const auto& [condition, line] : websocket_config)
    if (condition.holds(tags)) out.append("  ").append(line).append("\n");
  return out + "}\n";
}

}  // namespace pipit::golden
