// Decodes bytes into inserts, removes and finds on a few subjects built from a few tokens, and
// stops at the first answer of the trie or of its cache that a list does not give.
//
// One operation: a byte that says what, one for queue and reactor, one with the number of tokens,
// then the tokens; 255 brings the rest of a line as a subject of its own.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/router/match_cache.h"
#include "server/router/subject_trie.h"
#include "tests/router/interest_list.h"

namespace {

using namespace pipit::router;

constexpr uint32_t kMaxOperations = 400;

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  uint8_t next() { return empty() ? 0 : *at_++; }

  std::string subject() {
    static constexpr std::string_view kTokens[] = {"a", "b", "ab", "*", ">",
                                                   "*", "",  "a*", "c", "d"};
    std::string text;
    const uint8_t size = next();
    if (size == 255) {
      while (!empty() && *at_ != '\n') text.push_back(static_cast<char>(next()));
      next();
      return text;
    }
    for (int i = 0; i <= size % 6; ++i) {
      if (i > 0) text += '.';
      const uint8_t token = next();
      // Mostly from the first few; sometimes one of many siblings.
      text += token < 200 ? std::string(kTokens[token % std::size(kTokens)])
                          : std::to_string(int{token});
    }
    return text;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  Epoch epoch;
  SubjectTrie trie(epoch);
  MatchCache cache(trie, 6);
  InterestList list;
  const uint64_t empty_bytes = trie.stats().bytes;

  for (uint32_t step = 0; step < kMaxOperations && !bytes.empty(); ++step) {
    const uint8_t what = bytes.next(), who = bytes.next();
    const std::string queue = who % 4 == 3 ? std::string(1, static_cast<char>('p' + who / 64)) : "";
    if (what < 120) {
      const std::string pattern = bytes.subject();
      const SubRef ref{what, step / 2, who, static_cast<uint16_t>(who % 5), 0};
      require(trie.insert(pattern, queue, ref) == list.insert(pattern, queue, ref));
    } else if (what < 180) {
      if (list.all().empty()) continue;
      const InterestList::Subscription sub = list.all()[who % list.all().size()];
      require(trie.remove(sub.pattern, sub.queue, sub.ref));
      list.remove(sub.pattern, sub.queue, sub.ref);
    } else if (what < 190) {
      const std::string pattern = bytes.subject();
      const SubRef ref{what, step, who, 0, 0};
      require(trie.remove(pattern, queue, ref) == list.remove(pattern, queue, ref));
    } else {
      const std::string subject = bytes.subject();
      const MatchRef match = trie.match(subject);
      require(list.agrees(subject, match ? &*match : nullptr));
      require(list.agrees(subject, cache.find(subject)));
    }
    require(trie.stats().subscriptions == list.all().size());
  }

  while (!list.all().empty()) {
    const InterestList::Subscription sub = list.all().back();
    require(trie.remove(sub.pattern, sub.queue, sub.ref));
    list.remove(sub.pattern, sub.queue, sub.ref);
  }
  require(trie.stats().bytes == empty_bytes);
  return 0;
}
