// TokenPath: a subject cut into tokens with the hash of each, as the trie descends by them.
//
// On the stack up to kInline tokens. The views it hands out are into the subject.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace pipit::router {

// What tables are keyed by. Seeded per trie, so that a peer cannot choose names that collide. Odd,
// thus never 0, which marks an empty slot.
uint32_t hash_token(std::string_view token, uint64_t seed);

class TokenPath {
 public:
  static constexpr size_t kInline = 24;
  TokenPath() {}  // leaves the inline tokens as they are
  TokenPath(const TokenPath&) = delete;

  // False if a token is empty. '*' and '>' are plain text, as in a publish.
  bool split(std::string_view subject, uint64_t seed);
  // The same for what a subscription names: false also if anything follows a '>'.
  bool split_pattern(std::string_view pattern, uint64_t seed);

  size_t size() const { return size_; }
  std::string_view token(size_t i) const { return {text_ + at(i).begin, at(i).size}; }
  uint32_t hash(size_t i) const { return at(i).hash; }
  bool is_pwc(size_t i) const { return at(i).size == 1 && text_[at(i).begin] == '*'; }
  bool is_fwc(size_t i) const { return at(i).size == 1 && text_[at(i).begin] == '>'; }
  // Tokens i and following with their dots; empty past the last.
  std::string_view tail(size_t i) const {
    return i >= size_ ? std::string_view()
                      : std::string_view{text_ + at(i).begin, text_size_ - at(i).begin};
  }

 private:
  struct Token {
    uint32_t begin, size, hash;
  };
  const Token& at(size_t i) const { return heap_.empty() ? inline_[i] : heap_[i]; }
  void push(Token token);

  const char* text_ = nullptr;
  size_t text_size_ = 0;
  size_t size_ = 0;
  Token inline_[kInline];
  std::vector<Token> heap_;  // all tokens, once there are more than kInline
};

}  // namespace pipit::router
