#include "jetstream/subject_transform.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "protocol/subject.h"

namespace pipit::js {
namespace {

constexpr std::string_view kInvalidTransform = "invalid transform";
constexpr std::string_view kUnknownFunction = "unknown function";
constexpr std::string_view kIndexOutOfRange = "wildcard index out of range";
constexpr std::string_view kNotEnough = "not enough arguments passed to the function";
constexpr std::string_view kTooMany = "too many arguments passed to the function";
constexpr std::string_view kInvalidArgument = "function argument is invalid or in the wrong format";

std::nullopt_t refuse(std::string& fault, std::string_view why, std::string_view token) {
  fault = "invalid mapping destination: ";
  fault += why;
  if (!token.empty()) (fault += " in ") += token;
  return std::nullopt;
}

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// A whole number as Go's Atoi reads it.
std::optional<int64_t> parse_whole(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// An argument: blanks (not tabs) around it do not count.
std::optional<int64_t> parse_argument(std::string_view text, int64_t low, int64_t high) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  const std::optional<int64_t> value = parse_whole(text);
  return value && *value >= low && *value <= high ? value : std::nullopt;
}

// By commas; blanks behind a comma belong to it.
std::vector<std::string_view> split_arguments(std::string_view text) {
  std::vector<std::string_view> arguments;
  for (;;) {
    const size_t comma = text.find(',');
    arguments.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return arguments;
    text.remove_prefix(comma + 1);
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  }
}

constexpr bool is_call(std::string_view token) {
  return token.size() > 4 && token.starts_with("{{") && token.ends_with("}}");
}

// "{{ name ( arguments ) }}" taken apart.
struct Call {
  std::string name;  // in lower case where nats-server takes both
  std::string_view arguments;
};

std::optional<Call> take_apart(std::string_view token) {
  const std::string_view inside = trim_blanks(token.substr(2, token.size() - 4));
  const size_t open = inside.find('(');
  if (open == std::string_view::npos || !inside.ends_with(')')) return std::nullopt;
  std::string name(trim_blanks(inside.substr(0, open)));
  return Call{std::move(name), inside.substr(open + 1, inside.size() - open - 2)};
}

// Is `written` the function `name`? Case counts but for the first letter of each of its words,
// which kNames marks by a capital.
bool names_function(std::string_view written, std::string_view name) {
  return std::ranges::equal(written, name, [](char w, char n) {
    return w == n || (n >= 'A' && n <= 'Z' && w == static_cast<char>(n | 0x20));
  });
}

uint32_t fnv1a(std::string_view text, uint32_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619u;
  return hash;
}
constexpr uint32_t kFnvBasis = 2'166'136'261u;

// SplitMix64: the low 31 bits of the next number.
uint32_t next_random(uint64_t& state) {
  state += 0x9E3779B97F4A7C15u;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<uint32_t>((z ^ (z >> 31)) & 0x7FFFFFFFu);
}

void append_split(std::string& out, std::string_view token, std::string_view separator) {
  // Empty pieces vanish, and the dots around them.
  bool first = true;
  while (!token.empty()) {
    const size_t end = std::min(token.find(separator), token.size());
    if (end > 0) {
      if (!first) out += '.';
      out += token.substr(0, end);
      first = false;
    }
    token.remove_prefix(std::min(end + separator.size(), token.size()));
  }
}

// An empty separator: every character (UTF-8) is a piece.
void append_split_characters(std::string& out, std::string_view token) {
  for (size_t i = 0; i < token.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(token[i]) & 0xC0) != 0x80;
    if (i > 0 && begins) out += '.';
    out += token[i];
  }
}

void append_slices(std::string& out, std::string_view token, size_t size, size_t first) {
  for (size_t at = 0; at < token.size();) {
    const size_t length = at == 0 && first > 0 ? first : size;
    if (at > 0) out += '.';
    out += token.substr(at, length);
    at += length;
  }
}

}  // namespace

constinit const SubjectTransform::Name SubjectTransform::kNames[] = {
    {"Wildcard", Function::wildcard},
    {"Partition", Function::partition},
    {"Split", Function::split},
    {"SplitFromLeft", Function::split_from_left},
    {"SplitFromRight", Function::split_from_right},
    {"SliceFromLeft", Function::slice_from_left},
    {"SliceFromRight", Function::slice_from_right},
    {"Left", Function::left},
    {"Right", Function::right},
    {"Random", Function::random},
};

std::optional<SubjectTransform::Part> SubjectTransform::parse_call(Function function,
                                                                   std::string_view token,
                                                                   std::string_view arguments,
                                                                   std::string& fault) {
  constexpr int64_t kAnyLow = std::numeric_limits<int64_t>::min();
  constexpr int64_t kAnyHigh = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLow = std::numeric_limits<int32_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int32_t>::max();
  const std::vector<std::string_view> all = split_arguments(arguments);
  Part part;
  part.function = function;
  if (function == Function::partition || function == Function::random) {
    if (function == Function::random && all.size() != 1) return refuse(fault, kNotEnough, token);
    const std::optional<int64_t> number = parse_argument(all[0], kAnyLow, kHigh);
    if (!number) return refuse(fault, kInvalidArgument, token);
    part.number = static_cast<int32_t>(*number);
  } else {
    const size_t wanted = function == Function::wildcard ? 1 : 2;
    if (all.size() < wanted || (wanted == 1 && arguments.empty()))
      return refuse(fault, kNotEnough, token);
    if (all.size() > wanted) return refuse(fault, kTooMany, token);
  }
  for (size_t i = function == Function::partition ? 1 : 0;
       i < all.size() && (i == 0 || function == Function::partition); ++i) {
    if (function == Function::random) break;
    const std::optional<int64_t> index = parse_argument(all[i], kAnyLow, kAnyHigh);
    if (!index) return refuse(fault, kInvalidArgument, token);
    part.wildcards.push_back(*index);
  }
  if (function == Function::split) {
    if (all[1].find(' ') != std::string_view::npos) return refuse(fault, kInvalidArgument, token);
    part.text = all[1];
  } else if (all.size() == 2 && function != Function::partition) {
    const std::optional<int64_t> number = parse_argument(all[1], kLow, kHigh);
    if (!number) return refuse(fault, kInvalidArgument, token);
    part.number = static_cast<int32_t>(*number);
  }
  return part;
}

std::optional<SubjectTransform::Part> SubjectTransform::parse_token(std::string_view token,
                                                                    std::string& fault) {
  Part literal;
  literal.text = token;
  if (token.size() > 1 && token[0] == '$') {
    // "$JS" and the like are names.
    const std::optional<int64_t> index = parse_whole(token.substr(1));
    if (!index) return literal;
    Part part;
    part.function = Function::wildcard;
    part.wildcards.push_back(*index);
    return part;
  }
  if (!is_call(token)) return literal;
  if (const std::optional<Call> call = take_apart(token))
    for (const Name& known : kNames)
      if (names_function(call->name, known.name))
        return parse_call(known.function, token, call->arguments, fault);
  return refuse(fault, kUnknownFunction, token);
}

std::optional<SubjectTransform> SubjectTransform::make(std::string_view source,
                                                       std::string_view destination,
                                                       std::string& fault) {
  if (source.empty()) source = ">";
  proto::Tokens from, to;
  const auto is_fwc = [](std::string_view token) { return token == ">"; };
  // Blanks are for others to judge, and may stand inside {{ }}.
  const auto split = [&](std::string_view subject, proto::Tokens& tokens) {
    if (!tokens.split(subject)) return false;
    for (size_t i = 0; i + 1 < tokens.size(); ++i)
      if (is_fwc(tokens[i])) return false;
    return true;
  };
  bool valid = split(source, from) && split(destination, to);
  for (size_t i = 0; valid && i < to.size(); ++i) valid = to[i] != "*";
  if (!valid || is_fwc(from[from.size() - 1]) != is_fwc(to[to.size() - 1])) {
    fault = "invalid subject";
    return std::nullopt;
  }

  SubjectTransform transform;
  transform.source_ = source;
  transform.source_tokens_ = from.size();
  transform.ends_in_fwc_ = is_fwc(from[from.size() - 1]);
  std::vector<int64_t> wildcards;  // where each stands in the source
  for (size_t i = 0; i < from.size(); ++i)
    if (from[i] == "*") wildcards.push_back(static_cast<int64_t>(i));
  const bool any_wildcard = !wildcards.empty() || transform.ends_in_fwc_;

  for (size_t i = 0; i < to.size(); ++i) {
    std::optional<Part> part = parse_token(to[i], fault);
    if (!part) return std::nullopt;
    if (part->function == Function::literal && is_fwc(to[i])) break;
    if (!any_wildcard) {
      // Without wildcards only functions of the whole subject have something to work on.
      if (part->function == Function::partition) part->wildcards.clear();
      if (part->function != Function::literal && part->function != Function::partition &&
          part->function != Function::random)
        return refuse(fault, kIndexOutOfRange, to[i]);
    }
    for (int64_t& index : part->wildcards) {
      if (index > static_cast<int64_t>(wildcards.size()))
        return refuse(fault, kIndexOutOfRange,
                      std::string(to[i]) + ": [" + std::to_string(index) + "]");
      // Zero and less name the first token, as in nats-server.
      index = index < 1 ? 0 : wildcards[static_cast<size_t>(index - 1)];
    }
    transform.parts_.push_back(std::move(*part));
  }
  return transform;
}

bool SubjectTransform::apply(std::string_view subject, std::string& out, uint64_t& random) const {
  proto::Tokens tokens;
  if (!tokens.split(subject) || proto::has_wildcard(subject)) return false;
  if (source_ != ">" && !proto::matches(source_, subject)) return false;
  const size_t start = out.size();
  bool first = true;
  const auto dot = [&] {
    if (!first) out += '.';
    first = false;
  };
  for (const Part& part : parts_) {
    dot();
    const std::string_view token =
        part.wildcards.empty() ? subject : tokens[static_cast<size_t>(part.wildcards[0])];
    const size_t size = token.size();
    const size_t n = static_cast<size_t>(std::max(part.number, 0));
    const bool cuts = n > 0 && n < size;
    switch (part.function) {
      case Function::literal:
        out += part.text;
        break;
      case Function::wildcard:
        out += token;
        break;
      case Function::partition: {
        uint32_t hash = kFnvBasis;
        if (part.wildcards.empty()) hash = fnv1a(subject, hash);
        for (const int64_t at : part.wildcards) hash = fnv1a(tokens[static_cast<size_t>(at)], hash);
        const auto buckets = static_cast<uint32_t>(part.number);
        out += std::to_string(buckets == 0 ? 0 : hash % buckets);
        break;
      }
      case Function::random: {
        const int64_t number = next_random(random);
        out += std::to_string(part.number == 0 ? 0 : number % part.number);
        break;
      }
      case Function::split:
        if (part.text.empty()) {
          append_split_characters(out, token);
        } else {
          append_split(out, token, part.text);
        }
        break;
      case Function::split_from_left:
      case Function::split_from_right: {
        const size_t at = !cuts ? size : part.function == Function::split_from_left ? n : size - n;
        out += token.substr(0, at);
        if (cuts) (out += '.') += token.substr(at);
        break;
      }
      case Function::slice_from_left:
        append_slices(out, token, cuts ? n : size, 0);
        break;
      case Function::slice_from_right:
        append_slices(out, token, cuts ? n : size, cuts ? size % n : 0);
        break;
      case Function::left:
        out += token.substr(0, cuts ? n : size);
        break;
      case Function::right:
        out += token.substr(cuts ? size - n : 0);
        break;
    }
  }
  for (size_t i = source_tokens_ - 1; ends_in_fwc_ && i < tokens.size(); ++i) {
    dot();
    out += tokens[i];
  }
  // Splitting can leave an empty token or lay bare a '>'.
  if (proto::is_valid_literal(std::string_view(out).substr(start))) return true;
  out.resize(start);
  return false;
}

std::string check_mapping(std::string_view source, std::string_view destination) {
  if (destination.empty()) return {};
  std::string fault;
  bool after_fwc = false;
  for (std::string_view rest = destination; true;) {
    const size_t end = std::min(rest.find('.'), rest.size());
    const std::string_view token = rest.substr(0, end);
    if (token.empty() || after_fwc) {
      refuse(fault, kInvalidTransform, token);
      return fault;
    }
    if (is_call(token)) {
      const std::optional<Call> call = take_apart(token);
      const bool known =
          call && std::ranges::any_of(SubjectTransform::kNames, [&](const auto& name) {
            return name.function != SubjectTransform::Function::left &&
                   name.function != SubjectTransform::Function::right &&
                   names_function(call->name, name.name);
          });
      if (!known) {
        refuse(fault, kUnknownFunction, token);
        return fault;
      }
    } else if (token != ">" && std::ranges::any_of(token, is_blank)) {
      refuse(fault, kInvalidTransform, "");
      return fault;
    }
    after_fwc = token == ">";
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  SubjectTransform::make(source, destination, fault);
  return fault;
}

}  // namespace pipit::js
