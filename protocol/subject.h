// Subjects: the one place that validates, splits and compares them.
//
// Tokens are separated by '.'; '*' (pwc) stands for one token, '>' (fwc) for one or more at the
// end, and only as whole tokens: "foo*" is a literal. Any byte but blank and line end may occur.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace pipit::proto {

// What a subscription may name: no empty token, nothing after '>'.
// Nor a blank or line end: the wire cannot carry them, configurations and callers can.
bool is_valid_subject(std::string_view subject);
// A valid subject without wildcard tokens: what a pedantic publish may name.
bool is_valid_literal(std::string_view subject);
// True if some whole token is '*' or '>'. Requires nothing of `subject`.
bool has_wildcard(std::string_view subject);
uint32_t count_tokens(std::string_view subject);

// Does `pattern` (wildcards allowed) match the literal `subject`? In `subject` tokens '*' and '>'
// are plain text, as for a publish. False if either has an empty token.
bool matches(std::string_view pattern, std::string_view subject);
// Is there a literal subject that both patterns match? False if either is no valid subject.
bool collide(std::string_view a, std::string_view b);

// Does `pattern` match every literal subject that `subject`, which may have wildcards too, matches?
// False if `subject` has an empty token or an earlier one of `pattern` is empty.
bool is_subset(std::string_view subject, std::string_view pattern);

// The tokens of a subject, which must outlive them: on the stack up to kInline, on the heap beyond.
class Tokens {
 public:
  static constexpr size_t kInline = 32;
  // False, and no tokens, if some token is empty.
  bool split(std::string_view subject);
  size_t size() const { return size_; }
  std::string_view operator[](size_t i) const {
    const size_t* const ends = size_ <= kInline ? inline_ : heap_.data();
    const size_t start = i == 0 ? 0 : ends[i - 1] + 1;
    return {subject_ + start, ends[i] - start};
  }

 private:
  const char* subject_ = nullptr;
  size_t size_ = 0;
  size_t inline_[kInline];  // where each token ends; set up to size_ only
  std::vector<size_t> heap_;
};

}  // namespace pipit::proto
