// SubjectTransform: turns one subject into another by a source pattern and a destination with
// mapping functions (NATS docs, "Subject Mapping"): {{wildcard(n)}} or $n, {{partition(n,i,..)}},
// {{split(i,sep)}}, {{splitfromleft(i,n)}}, {{splitfromright(i,n)}}, {{slicefromleft(i,n)}},
// {{slicefromright(i,n)}}, {{left(i,n)}}, {{right(i,n)}}, {{random(n)}}. Used by streams, republish
// and sources. Immutable once made; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pipit::js {

class SubjectTransform {
 public:
  // An empty `source` is ">". Nothing if the two do not fit together; `fault` then says why, in
  // nats-server's words. Requires: `destination` is not empty.
  static std::optional<SubjectTransform> make(std::string_view source, std::string_view destination,
                                              std::string& fault);

  // Appends what `subject` becomes. False, and nothing appended, if the source does not match it,
  // or if it or what it would become is no literal subject. `random` is the caller's state for
  // {{random(n)}}, advanced by its use.
  bool apply(std::string_view subject, std::string& out, uint64_t& random) const;

 private:
  enum class Function : uint8_t {
    literal,
    wildcard,
    partition,
    split,
    split_from_left,
    split_from_right,
    slice_from_left,
    slice_from_right,
    left,
    right,
    random,
  };
  // One token of the destination.
  struct Part {
    Function function = Function::literal;
    std::string text;                // the literal, or what split() splits by
    std::vector<int64_t> wildcards;  // as written, counted from 1; once made: tokens of the subject
    int32_t number = 0;
  };
  struct Name {
    std::string_view name;
    Function function;
  };

  static const Name kNames[];
  static std::optional<Part> parse_token(std::string_view token, std::string& fault);
  static std::optional<Part> parse_call(Function function, std::string_view token,
                                        std::string_view arguments, std::string& fault);
  friend std::string check_mapping(std::string_view source, std::string_view destination);

  std::string source_;
  size_t source_tokens_ = 0;
  bool ends_in_fwc_ = false;  // both do, or neither
  std::vector<Part> parts_;   // without the destination's '>'
};

// Is `destination` valid for a stream's subjects from `source`? Stricter than make(): nats-server
// knows neither left() nor right() here. An empty destination stands for no change and is fine.
// Returns the fault, or an empty string.
std::string check_mapping(std::string_view source, std::string_view destination);

}  // namespace pipit::js
