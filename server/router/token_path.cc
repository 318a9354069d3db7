#include "server/router/token_path.h"

#include <cstring>

#include <xxhash.h>

namespace pipit::router {
namespace {

// Leaf texts count in 31 bits; no control line comes near.
constexpr size_t kMaxSubjectSize = size_t{1} << 30;

}  // namespace

uint32_t hash_token(std::string_view token, uint64_t seed) {
  return static_cast<uint32_t>(XXH3_64bits_withSeed(token.data(), token.size(), seed)) | 1;
}

bool TokenPath::split(std::string_view subject, uint64_t seed) {
  size_ = 0;
  heap_.clear();
  text_ = subject.data();
  text_size_ = subject.size();
  if (subject.empty() || subject.size() > kMaxSubjectSize) return false;
  for (size_t begin = 0;;) {
    const void* dot = std::memchr(text_ + begin, '.', text_size_ - begin);
    const size_t end = dot == nullptr ? text_size_ : static_cast<const char*>(dot) - text_;
    if (end == begin) return false;
    push({static_cast<uint32_t>(begin), static_cast<uint32_t>(end - begin),
          hash_token({text_ + begin, end - begin}, seed)});
    if (dot == nullptr) return true;
    begin = end + 1;
    if (begin == text_size_) return false;
  }
}

bool TokenPath::split_pattern(std::string_view pattern, uint64_t seed) {
  if (!split(pattern, seed)) return false;
  for (size_t i = 0; i + 1 < size_; ++i)
    if (is_fwc(i)) return false;
  return true;
}

void TokenPath::push(Token token) {
  if (size_ < kInline) {
    inline_[size_] = token;
  } else {
    if (size_ == kInline) heap_.assign(inline_, inline_ + kInline);
    heap_.push_back(token);
  }
  ++size_;
}

}  // namespace pipit::router
