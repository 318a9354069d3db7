#include "server/router/change_stamps.h"

#include <new>

#include <xxhash.h>

#include "server/router/subject_trie.h"

namespace pipit::router {
namespace {

// All counters stand in one block: first the one for all subjects, then the stripes. It is taken
// zeroed from the system, so that stripes nobody bumps cost no memory.
constexpr uint32_t kLiteralStripes = 16384, kFirstTwoStripes = 4096, kFirstStripes = 1024;
constexpr uint32_t kGlobal = 0;
constexpr uint32_t kFirst = 1;
constexpr uint32_t kFirstTwo = kFirst + kFirstStripes;
constexpr uint32_t kLiteral = kFirstTwo + kFirstTwoStripes;
constexpr uint32_t kCounters = kLiteral + kLiteralStripes;

uint32_t stripe(uint64_t hash, uint32_t stripes) {
  return static_cast<uint32_t>(hash) & (stripes - 1);
}
uint64_t hash_text(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

bool is_wildcard(std::string_view token) { return token == "*" || token == ">"; }

bool has_wildcard_token(std::string_view pattern) {
  for (size_t begin = 0; begin <= pattern.size();) {
    const size_t dot = std::min(pattern.find('.', begin), pattern.size());
    if (is_wildcard(pattern.substr(begin, dot - begin))) return true;
    begin = dot + 1;
  }
  return false;
}

// The first token, and the first two with their dot: all of the text if it has no more.
struct Beginning {
  explicit Beginning(std::string_view text) {
    const size_t dot = text.find('.');
    first = text.substr(0, dot);
    if (dot == std::string_view::npos) {
      first_two = text;
      return;
    }
    const size_t next = text.find('.', dot + 1);
    second = text.substr(dot + 1, next == std::string_view::npos ? next : next - dot - 1);
    first_two = text.substr(0, next);
  }
  std::string_view first, second, first_two;
};

uint32_t counter_of(std::string_view pattern) {
  if (!has_wildcard_token(pattern)) return kLiteral + stripe(hash_text(pattern), kLiteralStripes);
  const Beginning begin(pattern);
  if (is_wildcard(begin.first)) return kGlobal;
  if (is_wildcard(begin.second)) return kFirst + stripe(hash_text(begin.first), kFirstStripes);
  return kFirstTwo + stripe(hash_text(begin.first_two), kFirstTwoStripes);
}

}  // namespace

ChangeStamps::ChangeStamps()
    : counters_(static_cast<uint64_t*>(std::calloc(kCounters, sizeof(uint64_t)))) {
  if (counters_ == nullptr) throw std::bad_alloc();
}

StampKey ChangeStamps::key(std::string_view subject, uint64_t hash) {
  const Beginning begin(subject);
  return {kLiteral + stripe(hash, kLiteralStripes),
          kFirstTwo + stripe(hash_text(begin.first_two), kFirstTwoStripes),
          kFirst + stripe(hash_text(begin.first), kFirstStripes)};
}

Stamp ChangeStamps::stamp(const StampKey& key) const {
  const auto load = [this](uint32_t i) {
    return std::atomic_ref(counters_[i]).load(std::memory_order_acquire);
  };
  return {load(kGlobal) + load(key.first) + load(key.first_two) + load(key.literal)};
}

void ChangeStamps::bump(std::string_view pattern) {
  // One writer at a time: a load and a store are enough, and cheaper than an atomic addition.
  const std::atomic_ref counter(counters_[counter_of(pattern)]);
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

}  // namespace pipit::router
