// Proves the rules of subjects by lists of cases, and matching and overlap against naive versions
// over every pattern and subject of up to four tokens of a small alphabet.
#include "protocol/subject.h"

#include <doctest/doctest.h>

#include <string>

using namespace pipit::proto;

namespace {

using Parts = std::vector<std::string>;

Parts split(const std::string& subject) {
  Parts parts(1);
  for (const char c : subject) {
    if (c == '.')
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

bool has_empty(const Parts& parts) {
  for (const std::string& part : parts) {
    if (part.empty()) return true;
  }
  return false;
}

bool is_pattern(const Parts& parts) {
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    if (parts[i] == ">") return false;
  }
  return !has_empty(parts);
}

bool matches_naively(const Parts& pattern, const Parts& subject, size_t at = 0) {
  if (at == pattern.size()) return at == subject.size();
  if (at == subject.size()) return false;
  if (pattern[at] == ">") return at + 1 == pattern.size();
  return (pattern[at] == "*" || pattern[at] == subject[at]) &&
         matches_naively(pattern, subject, at + 1);
}

// All subjects of 1 to `most` tokens out of `alphabet`.
std::vector<std::string> all_subjects(const Parts& alphabet, size_t most) {
  std::vector<std::string> all, last{""};
  for (size_t n = 1; n <= most; ++n) {
    std::vector<std::string> longer;
    for (const std::string& front : last) {
      for (const std::string& token : alphabet)
        longer.push_back(n == 1 ? token : front + "." + token);
    }
    all.insert(all.end(), longer.begin(), longer.end());
    last = std::move(longer);
  }
  return all;
}

}  // namespace

TEST_CASE("a subject has no empty token and nothing behind '>'") {
  for (const char* valid : {"a", "foo.bar", "*", ">", "foo.*", "foo.>", "*.*.>", "foo*", "foo>",
                            "a.*b.c", "foo.>b", ">a.b", "a,*,>,b", "\xC3\xA9.\x01", "$SYS.>"}) {
    CAPTURE(valid);
    CHECK(is_valid_subject(valid));
  }
  for (const char* invalid : {"", ".", "..", "foo.", ".foo", "foo..bar", ">.foo", "foo.>.bar",
                              "foo.>.", "a b", "a\tb", "a\r", "\na"}) {
    CAPTURE(invalid);
    CHECK_FALSE(is_valid_subject(invalid));
  }
}

TEST_CASE("a literal is a subject without wildcard tokens") {
  for (const char* literal : {"a", "foo.bar", "foo*", "*a", "foo.>b", "a.>>", "**"}) {
    CAPTURE(literal);
    CHECK(is_valid_literal(literal));
    CHECK_FALSE(has_wildcard(literal));
  }
  for (const char* other : {"*", ">", "foo.*", "foo.>", "*.foo", "a.*.b"}) {
    CAPTURE(other);
    CHECK_FALSE(is_valid_literal(other));
    CHECK(has_wildcard(other));
  }
  CHECK_FALSE(is_valid_literal(""));
  CHECK_FALSE(is_valid_literal("foo."));
  CHECK_FALSE(has_wildcard(""));
}

TEST_CASE("tokens are counted and split at dots") {
  CHECK(count_tokens("a") == 1);
  CHECK(count_tokens("a.b.c") == 3);
  Tokens tokens;
  REQUIRE(tokens.split("foo.*.b"));
  REQUIRE(tokens.size() == 3);
  CHECK(tokens[0] == "foo");
  CHECK(tokens[1] == "*");
  CHECK(tokens[2] == "b");
  for (const char* wrong : {"", ".", "a.", ".a", "a..b"}) {
    CHECK_FALSE(tokens.split(wrong));
    CHECK(tokens.size() == 0);
  }
}

TEST_CASE("a subject of many tokens is split like one of few") {
  Tokens tokens;
  for (const size_t count :
       {Tokens::kInline - 1, Tokens::kInline, Tokens::kInline + 1, size_t{500}, size_t{2}}) {
    std::string subject;
    for (size_t i = 0; i < count; ++i) subject += (i == 0 ? "t" : ".t") + std::to_string(i);
    REQUIRE(tokens.split(subject));
    REQUIRE(tokens.size() == count);
    for (size_t i = 0; i < count; ++i) CHECK(tokens[i] == "t" + std::to_string(i));
  }
}

TEST_CASE("matching is that of a naive matcher") {
  const auto patterns = all_subjects({"a", "bc", "*", ">", ""}, 4);
  const auto subjects = all_subjects({"a", "bc", "*", ">", ""}, 3);
  size_t matched = 0;
  for (const std::string& pattern : patterns) {
    const Parts p = split(pattern);
    for (const std::string& subject : subjects) {
      const Parts s = split(subject);
      const bool expected = !has_empty(p) && !has_empty(s) && matches_naively(p, s);
      matched += expected;
      if (matches(pattern, subject) == expected) continue;
      CAPTURE(pattern);
      CAPTURE(subject);
      CHECK(matches(pattern, subject) == expected);
    }
  }
  CHECK(matched > 300);
}

TEST_CASE("matching compares bytes, not letters, and needs a token for '>'") {
  CHECK(matches("foo.>", "foo.bar.baz"));
  CHECK_FALSE(matches("foo.>", "foo"));
  CHECK_FALSE(matches("foo", "Foo"));
  CHECK_FALSE(matches("foo.*", "foo.bar.baz"));
  CHECK(matches("foo.*", "foo.*"));
  CHECK_FALSE(matches("foo.bar", "foo.*"));
  CHECK_FALSE(matches(">", "foo..bar"));
  CHECK_FALSE(matches(">", "foo."));
}

TEST_CASE("patterns collide where some literal matches both") {
  const auto patterns = all_subjects({"a", "b", "*", ">", ""}, 3);
  // One token more than the patterns have, so that each '>' finds its tokens.
  const auto literals = all_subjects({"a", "b", "c"}, 4);
  size_t collided = 0;
  for (const std::string& left : patterns) {
    for (const std::string& right : patterns) {
      bool expected = false;
      if (is_pattern(split(left)) && is_pattern(split(right))) {
        for (const std::string& literal : literals)
          expected = expected || (matches(left, literal) && matches(right, literal));
      }
      collided += expected;
      if (collide(left, right) == expected) continue;
      CAPTURE(left);
      CAPTURE(right);
      CHECK(collide(left, right) == expected);
    }
  }
  CHECK(collided > 300);
}

TEST_CASE("a pattern is a subset of another that matches all it matches") {
  const auto patterns = all_subjects({"a", "b", "*", ">"}, 3);
  const auto literals = all_subjects({"a", "b", "c"}, 4);
  size_t subsets = 0;
  for (const std::string& subject : patterns) {
    for (const std::string& pattern : patterns) {
      if (!is_pattern(split(subject)) || !is_pattern(split(pattern))) continue;
      bool expected = true;
      for (const std::string& literal : literals)
        expected = expected && (!matches(subject, literal) || matches(pattern, literal));
      subsets += expected;
      if (is_subset(subject, pattern) == expected) continue;
      CAPTURE(subject);
      CAPTURE(pattern);
      CHECK(is_subset(subject, pattern) == expected);
    }
  }
  CHECK(subsets > 100);
}
