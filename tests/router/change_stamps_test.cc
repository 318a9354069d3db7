// Proves that a change moves the stamp of every subject it can concern, for all shapes of pattern,
// and leaves most others where they are.
#include "server/router/change_stamps.h"

#include <string>

#include <doctest/doctest.h>

#include "server/router/subject_trie.h"
#include "tests/router/interest_list.h"

namespace pipit::router {
namespace {

Stamp stamp_of(const ChangeStamps& stamps, std::string_view subject) {
  return stamps.stamp(ChangeStamps::key(subject, hash_subject(subject)));
}

TEST_CASE("a pattern moves the stamps of all subjects it matches") {
  ChangeStamps stamps;
  for (const char* pattern : {"a", "a.b", "a.b.c", "*", ">", "a.*", "a.>", "*.b", "a.b.*", "a.b.>",
                              "a.*.c", "*.>", "a.*.>", "*.*.*", "a*", "a.>b", "*.b.c"}) {
    for (const char* subject : {"a", "b", "a.b", "a.c", "a.b.c", "a.x.c", "x.b.c", "a.b.c.d", "*",
                                ">", "a.*", "a.>", "a*", "a.>b", "*.b", "a.b.*"}) {
      const Stamp before = stamp_of(stamps, subject);
      const uint64_t version = stamps.version();
      stamps.bump(pattern);
      CHECK(stamps.version() > version);
      if (InterestList::matches(pattern, subject))
        CHECK_MESSAGE(stamp_of(stamps, subject) != before, pattern << " " << subject);
    }
  }
}

TEST_CASE("most subjects that a pattern does not concern keep their stamps") {
  ChangeStamps stamps;
  const auto moved = [&](const char* pattern, const std::string& prefix,
                         const std::string& suffix) {
    stamps.bump(pattern);
    int count = 0;
    for (int i = 0; i < 1000; ++i) {
      const std::string subject = prefix + std::to_string(i) + suffix;
      const Stamp before = stamp_of(stamps, subject);
      stamps.bump(pattern);
      count += stamp_of(stamps, subject) != before;
    }
    return count;
  };
  CHECK(moved("a.b.c", "a.b.", "") < 10);
  CHECK(moved("_INBOX.me.*", "_INBOX.", ".reply") < 20);
  CHECK(moved("x.*", "y", ".a.b") < 30);
  CHECK(moved("*.b", "y", ".a.b") == 1000);
}

}  // namespace
}  // namespace pipit::router
