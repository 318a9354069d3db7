// The client protocol once more, one byte at a time and with no thought of speed: what the parser
// is compared with.
#pragma once
#include <algorithm>
#include <cctype>
#include <string>
#include <utility>
#include <vector>

#include "tests/protocol/event_log.h"

namespace pipit::test {

class NaiveParser {
 public:
  using Fault = proto::Fault;
  using Words = std::vector<std::string>;

  explicit NaiveParser(size_t limit) : limit_(limit) {}

  // False after a fault.
  bool take(char c) {
    switch (state_) {
      case State::verb:
        return take_verb(c);
      case State::blanks:
        if (c == ' ' || c == '\t') return true;
        state_ = State::arguments;
        [[fallthrough]];
      case State::arguments:
        return take_argument(c);
      case State::ignored:
        if (c == '\n') finish(verb_);
        return true;
      case State::payload:
        return take_payload(c);
    }
    return false;
  }

  EventLog log;

 private:
  enum class State { verb, blanks, arguments, ignored, payload };

  bool fault(Fault what) {
    log.push_back(fault_line(what));
    return false;
  }

  void finish(std::string line) {
    log.push_back(std::move(line));
    state_ = State::verb;
    verb_.clear();
    text_.clear();
  }

  bool take_verb(char c) {
    static const Words with_blank{"pub", "hpub", "sub", "unsub", "-err"};
    static const Words without{"connect", "info", "ping", "pong", "+ok"};
    if (std::find(with_blank.begin(), with_blank.end(), verb_) != with_blank.end()) {
      if (c != ' ' && c != '\t') return fault(Fault::unknown_operation);
      state_ = State::blanks;
      return true;
    }
    verb_ += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto starts = [&](const std::string& name) { return name.starts_with(verb_); };
    if (std::none_of(with_blank.begin(), with_blank.end(), starts) &&
        std::none_of(without.begin(), without.end(), starts))
      return fault(Fault::unknown_operation);
    if (verb_ == "connect" || verb_ == "info")
      state_ = State::blanks;
    else if (std::find(without.begin(), without.end(), verb_) != without.end())
      state_ = State::ignored;
    if (verb_ == "+ok") verb_ = "ok";
    return true;
  }

  bool take_argument(char c) {
    if (c != '\n') {
      text_ += c;
      // A '\r' at the end does not count: it may belong to the line end.
      const size_t counted = text_.size() - (c == '\r' ? 1 : 0);
      return counted <= limit_ || fault(Fault::control_line_exceeded);
    }
    if (text_.ends_with('\r')) text_.pop_back();
    return run() || fault(Fault::bad_arguments);
  }

  Words split(std::string_view blanks) const {
    Words words(1);
    for (const char c : text_) {
      if (blanks.find(c) == blanks.npos)
        words.back() += c;
      else if (!words.back().empty())
        words.emplace_back();
    }
    if (words.back().empty()) words.pop_back();
    return words;
  }

  static bool is_size(const std::string& text) {
    return !text.empty() && text.size() <= 9 && text.find_first_not_of("0123456789") == text.npos;
  }

  bool run() {
    if (verb_ == "connect" || verb_ == "info") return finish(verb_ + "|" + text_), true;
    if (verb_ == "-err") return finish("err|" + text_), true;
    if (verb_ == "sub") {
      const Words words = split(" \t\r");
      if (words.size() != 2 && words.size() != 3) return false;
      finish("sub|" + words[0] + "|" + (words.size() == 3 ? words[1] : "") + "|" + words.back());
      return true;
    }
    if (verb_ == "unsub") {
      const Words words = split(" \t\r");
      if (words.size() != 1 && words.size() != 2) return false;
      const bool has_max = words.size() == 2 && is_size(words[1]);
      finish("unsub|" + words[0] + (has_max ? "|" + std::to_string(std::stoul(words[1])) : ""));
      return true;
    }
    words_ = split(" \t");
    const size_t least = verb_ == "hpub" ? 3 : 2;
    if (words_.size() != least && words_.size() != least + 1) return false;
    if (!is_size(words_.back())) return false;
    size_ = std::stoul(words_.back());
    if (verb_ == "hpub") {
      const std::string& header_size = words_[words_.size() - 2];
      if (!is_size(header_size) || std::stoul(header_size) > size_) return false;
    }
    state_ = State::payload;
    text_.clear();
    return true;
  }

  bool take_payload(char c) {
    const size_t at = text_.size();
    text_ += c;
    if (at < size_) return true;
    if (c != (at == size_ ? '\r' : '\n')) return fault(Fault::unknown_operation);
    if (at == size_) return true;
    const bool with_headers = verb_ == "hpub";
    const size_t least = with_headers ? 3 : 2;
    finish(publish_line(with_headers, words_[0], words_.size() > least ? words_[1] : "",
                        with_headers ? words_[words_.size() - 2] : "", words_.back(),
                        std::string_view(text_).substr(0, size_)));
    return true;
  }

  size_t limit_;
  State state_ = State::verb;
  std::string verb_;
  std::string text_;  // arguments, or the payload and what follows it
  Words words_;
  size_t size_ = 0;
};

inline EventLog parse_naively(std::string_view stream, uint32_t max_control_line = 4096) {
  NaiveParser parser(max_control_line);
  for (const char c : stream) {
    if (!parser.take(c)) break;
  }
  return std::move(parser.log);
}

}  // namespace pipit::test
