// A set of patterns takes what one of them alone would take, as protocol/subject.h has it.
#include "jetstream/pattern_set.h"

#include <doctest/doctest.h>

#include <random>

#include "protocol/subject.h"

using namespace pipit;

TEST_CASE("patterns of every kind, and none") {
  js::PatternSet set;
  CHECK_FALSE(set.takes("a"));
  set.add("a.b");
  set.add("x.*.z");
  set.add("q.>");
  for (const char* subject : {"a.b", "x.y.z", "q.r", "q.r.s"}) CHECK(set.takes(subject));
  for (const char* subject : {"a", "a.b.c", "x.z", "x.y.q", "x.y.z.z", "q"})
    CHECK_FALSE(set.takes(subject));
}

TEST_CASE("what is no subject takes nothing") {
  js::PatternSet set;
  for (const char* pattern : {"", ".", "a..b", "a.", ">.a", "a b"}) set.add(pattern);
  for (const char* subject : {"a", "a.b"}) CHECK_FALSE(set.takes(subject));
}

TEST_CASE("as each pattern alone, on random ones") {
  std::mt19937 random(4);
  const auto subject = [&random](const char* tokens) {
    std::string text;
    for (size_t i = 0, count = 1 + random() % 4; i < count; ++i)
      text.append(i > 0 ? "." : "").append(1, tokens[random() % 5]);
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    js::PatternSet set;
    std::vector<std::string> patterns;
    for (int i = 0; i < 5; ++i) {
      patterns.push_back(subject("ab**>"));
      set.add(patterns.back());
    }
    for (int i = 0; i < 50; ++i) {
      const std::string literal = subject("aabbc");
      bool wanted = false;
      for (const std::string& pattern : patterns)
        wanted |= proto::is_valid_subject(pattern) && proto::matches(pattern, literal);
      CHECK_MESSAGE(set.takes(literal) == wanted, literal);
    }
  }
}

TEST_CASE("a pattern of very many tokens") {
  std::string pattern = "a";
  for (int i = 0; i < 200'000; ++i) pattern += ".a";
  js::PatternSet set;
  set.add(pattern);
  CHECK(set.takes(pattern));
  CHECK_FALSE(set.takes("a.a"));
}
