#include "protocol/subject.h"

#include <algorithm>

namespace pipit::proto {
namespace {

constexpr bool is_wildcard(std::string_view token) {
  return token.size() == 1 && (token[0] == '*' || token[0] == '>');
}
constexpr bool is_pwc(std::string_view token) { return token.size() == 1 && token[0] == '*'; }
constexpr bool is_fwc(std::string_view token) { return token.size() == 1 && token[0] == '>'; }

// Takes the tokens off a subject, front first.
class Cursor {
 public:
  explicit Cursor(std::string_view subject) : rest_(subject) {}
  // Has a last token been taken? An empty subject has one token, an empty one.
  bool done() const { return done_; }
  std::string_view take() {
    size_t n = 0;
    while (n < rest_.size() && rest_[n] != '.') ++n;
    const std::string_view token = rest_.substr(0, n);
    done_ = n == rest_.size();
    rest_.remove_prefix(done_ ? n : n + 1);
    return token;
  }
  bool rest_has_empty_token() const { return !done_ && has_empty_token(rest_); }

 private:
  static bool has_empty_token(std::string_view subject) {
    return subject.empty() || subject.front() == '.' || subject.back() == '.' ||
           subject.find("..") != subject.npos;
  }
  std::string_view rest_;
  bool done_ = false;
};

bool has_line_text(std::string_view subject) {
  return std::any_of(subject.begin(), subject.end(), [](char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f';
  });
}

}  // namespace

bool is_valid_subject(std::string_view subject) {
  for (Cursor cursor(subject); !cursor.done();) {
    const std::string_view token = cursor.take();
    if (token.empty() || (is_fwc(token) && !cursor.done())) return false;
  }
  return !has_line_text(subject);
}

bool is_valid_literal(std::string_view subject) {
  for (Cursor cursor(subject); !cursor.done();) {
    const std::string_view token = cursor.take();
    if (token.empty() || is_wildcard(token)) return false;
  }
  return !has_line_text(subject);
}

bool has_wildcard(std::string_view subject) {
  const size_t n = subject.size();
  for (size_t i = 0; i < n; ++i) {
    if (subject[i] != '*' && subject[i] != '>') continue;
    if ((i == 0 || subject[i - 1] == '.') && (i + 1 == n || subject[i + 1] == '.')) return true;
  }
  return false;
}

uint32_t count_tokens(std::string_view subject) {
  return 1 + static_cast<uint32_t>(std::count(subject.begin(), subject.end(), '.'));
}

bool matches(std::string_view pattern, std::string_view subject) {
  Cursor p(pattern), s(subject);
  while (!p.done() && !s.done()) {
    const std::string_view want = p.take();
    const std::string_view token = s.take();
    if (want.empty() || token.empty()) return false;
    if (is_fwc(want)) return p.done() && !s.rest_has_empty_token();
    if (!is_pwc(want) && want != token) return false;
  }
  return p.done() && s.done();
}

bool collide(std::string_view a, std::string_view b) {
  if (!is_valid_subject(a) || !is_valid_subject(b)) return false;
  Cursor left(a), right(b);
  while (!left.done() && !right.done()) {
    const std::string_view x = left.take();
    const std::string_view y = right.take();
    if (is_fwc(x) || is_fwc(y)) return true;
    if (x != y && !is_pwc(x) && !is_pwc(y)) return false;
  }
  return left.done() && right.done();
}

bool is_subset(std::string_view subject, std::string_view pattern) {
  Cursor s(subject), p(pattern);
  while (!s.done() && !p.done()) {
    const std::string_view token = s.take();
    const std::string_view want = p.take();
    if (want.empty() || token.empty()) return false;
    if (is_fwc(want)) return p.done() && !s.rest_has_empty_token();
    if (is_fwc(token) || (!is_pwc(want) && want != token)) return false;
  }
  return s.done() && p.done();
}

bool Tokens::split(std::string_view subject) {
  subject_ = subject.data();
  size_ = 0;
  heap_.clear();
  size_t count = 0;
  size_t taken = 0;
  for (Cursor cursor(subject); !cursor.done();) {
    const std::string_view token = cursor.take();
    if (token.empty()) return false;
    taken += token.size();
    if (count == kInline) heap_.assign(inline_, inline_ + kInline);
    if (count < kInline) {
      inline_[count] = taken;
    } else {
      heap_.push_back(taken);
    }
    ++count;
    ++taken;  // the dot
  }
  size_ = count;
  return true;
}

}  // namespace pipit::proto
