#include "server/router/subject_trie.h"

#include <array>
#include <cstdlib>
#include <mutex>
#include <vector>

#include <xxhash.h>

#include "server/router/child_table.h"
#include "server/router/match_builder.h"
#include "server/router/token_path.h"
#include "server/router/trie_writer.h"

namespace pipit::router {
namespace {

uint64_t random_seed() {
  uint64_t seed = 0;
  arc4random_buf(&seed, sizeof seed);
  return seed;
}

// Does `text`, what is left of a pattern, match the tokens from `i` on? A text that equals them
// does, whatever tokens it has.
bool text_matches(std::string_view text, const TokenPath& subject, size_t i) {
  if (text == subject.tail(i)) return true;
  for (; !text.empty() && i < subject.size(); ++i) {
    const std::string_view token = first_token(text);
    if (token == ">") return true;
    if (token != "*" && token != subject.token(i)) return false;
    text = after_first_token(text);
  }
  return text.empty() && i == subject.size();
}

// Where the walk still has to go: a node, and the first token that it has not used.
struct Branch {
  const Node* node;
  size_t next;
};

// Branches wait here, without recursion: the depth of a trie is chosen by its subscribers.
class Branches {
 public:
  void push(Branch branch) {
    if (size_ < inline_.size())
      inline_[size_++] = branch;
    else
      more_.push_back(branch);
  }
  bool pop(Branch& branch) {
    if (!more_.empty()) {
      branch = more_.back();
      more_.pop_back();
      return true;
    }
    if (size_ == 0) return false;
    branch = inline_[--size_];
    return true;
  }

 private:
  std::array<Branch, 16> inline_;
  size_t size_ = 0;
  std::vector<Branch> more_;
};

void walk(const Node* root, const TokenPath& subject, MatchBuilder& found) {
  Branches branches;
  // Follows a child that was reached by using the tokens before `next`. Every load of a link here
  // acquires what the writer released (T1).
  const auto follow = [&](Link child, std::string_view leaf_text, size_t next) {
    if (child.is_node())
      branches.push({child.node(), next});
    else if (text_matches(leaf_text, subject, next))
      found.add(child.leaf());
  };

  Branch at{root, 0};
  do {
    const Node& node = *at.node;
    const size_t i = at.next;
    if (i == subject.size()) {
      if (const Link here = node.here.load(std::memory_order_acquire); !here.empty())
        found.add(here.leaf());
      continue;
    }
    if (const Link fwc = node.fwc.load(std::memory_order_acquire); !fwc.empty())
      found.add(fwc.leaf());
    if (const Link pwc = node.pwc.load(std::memory_order_acquire); !pwc.empty())
      follow(pwc, pwc.is_leaf() ? pwc.leaf()->text() : std::string_view(), i + 1);
    if (const Link child =
            find_child<ChildName::kFirstToken>(node.literals, subject.token(i), subject.hash(i))
                .child;
        !child.empty())
      follow(child, child.is_leaf() ? after_first_token(child.leaf()->text()) : std::string_view(),
             i + 1);
  } while (branches.pop(at));
}

}  // namespace

struct SubjectTrie::Impl {
  explicit Impl(Epoch& epoch) : seed(random_seed()), writer(epoch, seed) {}

  const uint64_t seed;
  ChangeStamps stamps;
  TrieWriter writer;
  std::mutex mutex;  // one writer at a time
  // Relaxed everywhere: figures for monitoring, changed under the mutex.
  std::atomic<uint64_t> inserts{0}, removes{0};
};

SubjectTrie::SubjectTrie(Epoch& epoch) : impl_(new Impl(epoch)) {}
SubjectTrie::~SubjectTrie() { delete impl_; }

bool SubjectTrie::insert(std::string_view subject, std::string_view queue, SubRef ref) {
  TokenPath pattern;
  if (!pattern.split_pattern(subject, impl_->seed)) return false;
  const std::lock_guard lock(impl_->mutex);
  impl_->writer.insert(pattern, queue, ref);
  impl_->stamps.bump(subject);
  impl_->inserts.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool SubjectTrie::remove(std::string_view subject, std::string_view queue, SubRef ref) {
  TokenPath pattern;
  if (!pattern.split_pattern(subject, impl_->seed)) return false;
  const std::lock_guard lock(impl_->mutex);
  if (!impl_->writer.remove(pattern, queue, ref)) return false;
  impl_->stamps.bump(subject);
  impl_->removes.fetch_add(1, std::memory_order_relaxed);
  return true;
}

MatchRef SubjectTrie::match(std::string_view subject) const {
  TokenPath path;
  MatchBuilder found;
  if (path.split(subject, impl_->seed)) walk(impl_->writer.root(), path, found);
  if (found.empty()) return {};
  auto* result = new MatchResult;
  MatchRef owner(result);
  found.fill(*result);
  if (result->empty()) owner.reset();
  return owner;
}

void SubjectTrie::match_into(std::string_view subject, MatchResult& result) const {
  result.plain.clear();
  result.slices.clear();
  result.groups.clear();
  TokenPath path;
  MatchBuilder found;
  if (path.split(subject, impl_->seed)) walk(impl_->writer.root(), path, found);
  found.fill(result);
}

Stamp SubjectTrie::stamp(std::string_view subject, uint64_t hash) const {
  return impl_->stamps.stamp(ChangeStamps::key(subject, hash));
}

const ChangeStamps& SubjectTrie::stamps() const { return impl_->stamps; }

TrieStats SubjectTrie::stats() const {
  TrieStats stats;
  // Removes first: then a difference that other threads change meanwhile is not negative.
  stats.removes = impl_->removes.load(std::memory_order_relaxed);
  stats.inserts = impl_->inserts.load(std::memory_order_relaxed);
  stats.subscriptions = stats.inserts - stats.removes;
  stats.bytes = impl_->writer.bytes();
  return stats;
}

uint64_t hash_subject(std::string_view subject) {
  return XXH3_64bits(subject.data(), subject.size());
}

}  // namespace pipit::router
