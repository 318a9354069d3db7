#include "protocol/parser.h"

#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "protocol/limits.h"

namespace pipit::proto {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// The first byte of [p, end) that is not above ' ', eight at a time; `end` if there is none.
inline const char* find_separator(const char* p, const char* end) {
  if constexpr (std::endian::native == std::endian::little) {
    constexpr uint64_t kOnes = 0x0101010101010101;
    for (; end - p >= 8; p += 8) {
      uint64_t word;
      std::memcpy(&word, p, 8);
      // The lowest mark is exact; those above it may be borrows.
      const uint64_t marks = (word - kOnes * 0x21) & ~word & (kOnes * 0x80);
      if (marks != 0) return p + std::countr_zero(marks) / 8;
    }
  }
  while (p != end && static_cast<unsigned char>(*p) > ' ') ++p;
  return p;
}

// The first four bytes of a publish as one number, letters in lower case by kUpperBits. These bits
// are set in ' ' too but turn a NUL into one: the blank of a PUB is looked at apart.
constexpr uint32_t word_of(std::array<char, 4> bytes) { return std::bit_cast<uint32_t>(bytes); }
constexpr uint32_t kUpperBits = word_of({0x20, 0x20, 0x20, 0x20});
constexpr uint32_t kPubWord = word_of({'p', 'u', 'b', ' '});
constexpr uint32_t kHpubWord = word_of({'h', 'p', 'u', 'b'});

// The digits at the front of [p, end) up to `stop`. The value is right if they are few enough.
struct Digits {
  const char* stop;
  uint32_t value;
};
inline Digits read_digits(const char* p, const char* end) {
  uint32_t value = 0;
  for (; p != end; ++p) {
    const unsigned digit = static_cast<unsigned char>(*p) - unsigned{'0'};
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  return {p, value};
}

inline bool is_size(const char* start, const Digits& digits) {
  return digits.stop != start && static_cast<size_t>(digits.stop - start) <= kMaxSizeDigits;
}

// False if `text` has no digit, too many, or anything else.
bool read_size(std::string_view text, uint32_t& value) {
  const char* const end = text.data() + text.size();
  const Digits digits = read_digits(text.data(), end);
  value = digits.value;
  return digits.stop == end && is_size(text.data(), digits);
}

inline std::string_view between(const char* start, const char* stop) {
  return {start, static_cast<size_t>(stop - start)};
}

// The arguments of a line; one more than any verb takes, so that too many can be told.
class Words {
 public:
  size_t count() const { return count_; }
  std::string_view operator[](size_t i) const { return between(starts_[i], stops_[i]); }
  std::string_view last() const { return (*this)[count_ - 1]; }
  bool full() const { return count_ == kMax; }
  void add(const char* start, const char* stop) {
    starts_[count_] = start;
    stops_[count_++] = stop;
  }

 private:
  static constexpr size_t kMax = 5;
  const char* starts_[kMax];
  const char* stops_[kMax];
  size_t count_ = 0;
};

// `cr_is_blank`: nats-server splits SUB and UNSUB at '\r' too, PUB and HPUB only at blanks.
Words split(std::string_view text, bool cr_is_blank) {
  Words words;
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto separates = [=](char c) { return is_blank(c) || (cr_is_blank && c == '\r'); };
  while (!words.full()) {
    while (p != end && separates(*p)) ++p;
    if (p == end) break;
    const char* const start = p;
    while ((p = find_separator(p, end)) != end && !separates(*p)) ++p;
    words.add(start, p);
  }
  return words;
}

struct Verb {
  std::string_view name;
  Event event;
  bool blank_behind;
};
constexpr Verb kVerbs[] = {
    {"sub", Event::sub, true},          {"unsub", Event::unsub, true}, {"ping", Event::ping, false},
    {"pong", Event::pong, false},       {"pub", Event::pub, true},     {"hpub", Event::hpub, true},
    {"connect", Event::connect, false}, {"info", Event::info, false},  {"+ok", Event::ok, false},
    {"-err", Event::err, true},
};

// How many bytes at the front of both are the same letters, in any case.
size_t common_size(std::string_view bytes, std::string_view lower_case) {
  size_t n = 0;
  while (n < bytes.size() && n < lower_case.size() && lower(bytes[n]) == lower_case[n]) ++n;
  return n;
}

bool ignores_arguments(Event verb) {
  return verb == Event::ping || verb == Event::pong || verb == Event::ok;
}

}  // namespace

Event Parser::next(std::string_view& bytes) {
  if (operation_size_ != 0) return resume_payload(bytes);
  if (fault_ != Fault::none) return Event::fault;
  if (verb_ == Event::need_more) {
    if (const size_t line_size = read_publish(bytes); line_size != 0)
      return take_payload(bytes, line_size);
    if (bytes.empty()) return Event::need_more;
    const Event event = read_verb(bytes);
    if (event == Event::need_more || event == Event::fault) return event;
  }
  return ignores_arguments(verb_) ? skip_line(bytes) : read_line(bytes);
}

// The lane for a PUB or HPUB whose line is here in whole and in the usual form: arguments apart by
// one space, CRLF behind. The size of that line; 0 leaves anything else, faults included, to
// read_verb() and read_line().
size_t Parser::read_publish(std::string_view bytes) {
  const char* const start = bytes.data();
  const char* const end = start + bytes.size();
  if (bytes.size() < sizeof("PUB a 0\r\n") - 1) return 0;
  uint32_t head;
  std::memcpy(&head, start, 4);
  const char* const arguments = start + ((head | kUpperBits) == kHpubWord ? 5 : 4);
  if (arguments[-1] != ' ') return 0;
  const bool with_headers = arguments == start + 5;
  if (!with_headers && (head | kUpperBits) != kPubWord) return 0;

  const char* const last = end - 2;  // the furthest that the line's end may begin
  const auto ends_word = [=](const char* p) { return p != last && *p == ' '; };
  const char* const subject_end = find_separator(arguments, last);
  if (!ends_word(subject_end) || subject_end == arguments) return 0;
  const char* word = subject_end + 1;
  Digits size = read_digits(word, last);
  std::string_view reply;
  if (*size.stop != (with_headers ? ' ' : '\r')) {  // no size then, but a reply
    const char* const reply_end = find_separator(size.stop, last);
    if (!ends_word(reply_end) || reply_end == word) return 0;
    reply = between(word, reply_end);
    word = reply_end + 1;
    size = read_digits(word, last);
  }
  std::string_view header_size_text;
  uint32_t header_size = 0;
  if (with_headers) {
    if (!ends_word(size.stop) || !is_size(word, size)) return 0;
    header_size_text = between(word, size.stop);
    header_size = size.value;
    word = size.stop + 1;
    size = read_digits(word, last);
    if (header_size > size.value) return 0;
  }
  const char* const line_end = size.stop;
  if (line_end[0] != '\r' || line_end[1] != '\n' || !is_size(word, size)) return 0;
  if (static_cast<size_t>(line_end - arguments) > max_control_line_) return 0;

  args_.subject = between(arguments, subject_end);
  args_.reply = reply;
  args_.size_text = between(word, line_end);
  args_.size = size.value;
  args_.header_size_text = header_size_text;
  args_.header_size = header_size;
  return static_cast<size_t>(line_end + 2 - start);
}

// Takes the verb at the front into verb_, once it is complete.
Event Parser::read_verb(std::string_view& bytes) {
  for (const Verb& verb : kVerbs) {
    const size_t same = common_size(bytes, verb.name);
    if (same == verb.name.size()) {
      if (verb.blank_behind) {
        if (same == bytes.size()) return Event::need_more;
        if (!is_blank(bytes[same])) break;
      }
      verb_ = verb.event;
      bytes.remove_prefix(same);
      return verb_;
    }
    if (same == bytes.size()) return Event::need_more;
  }
  return fail(Fault::unknown_operation);
}

// PING, PONG, +OK: whatever stands up to the line end is dropped as it comes, so it needs no room.
Event Parser::skip_line(std::string_view& bytes) {
  const size_t line_end = bytes.find('\n');
  if (line_end == bytes.npos) {
    bytes = {};
    return Event::need_more;
  }
  bytes.remove_prefix(line_end + 1);
  return std::exchange(verb_, Event::need_more);
}

// The line's arguments, once they are complete. Blanks before them are dropped as they come.
Event Parser::read_line(std::string_view& bytes) {
  if (scanned_ == 0) {
    while (!bytes.empty() && is_blank(bytes.front())) bytes.remove_prefix(1);
  }
  // A line that keeps the limit has its '\n' within `reach`, after a '\r' perhaps.
  const size_t reach = size_t{max_control_line_} + 2;
  const std::string_view seen = bytes.substr(0, reach);
  const size_t line_end = seen.find('\n', scanned_);
  const bool complete = line_end != seen.npos;
  std::string_view text = seen.substr(0, line_end);
  const bool cr_may_end_it = complete || seen.size() < reach;
  if (cr_may_end_it && !text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.size() > max_control_line_) return fail(Fault::control_line_exceeded);
  if (!complete) {
    scanned_ = seen.size();
    return Event::need_more;
  }
  const Event event = std::exchange(verb_, Event::need_more);
  scanned_ = 0;
  if (!read_arguments(event, text)) return fail(Fault::bad_arguments);
  if (event == Event::pub || event == Event::hpub) return take_payload(bytes, line_end + 1);
  bytes.remove_prefix(line_end + 1);
  return event;
}

bool Parser::read_arguments(Event verb, std::string_view text) {
  switch (verb) {
    case Event::connect:
    case Event::info:
      args_.json = text;
      return true;
    case Event::err:
      args_.text = text;
      return true;
    case Event::pub: {
      const Words words = split(text, false);
      if (words.count() != 2 && words.count() != 3) return false;
      args_.subject = words[0];
      args_.reply = words.count() == 3 ? words[1] : std::string_view();
      args_.header_size_text = {};
      args_.header_size = 0;
      args_.size_text = words.last();
      return read_size(args_.size_text, args_.size);
    }
    case Event::hpub: {
      const Words words = split(text, false);
      if (words.count() != 3 && words.count() != 4) return false;
      args_.subject = words[0];
      args_.reply = words.count() == 4 ? words[1] : std::string_view();
      args_.header_size_text = words[words.count() - 2];
      args_.size_text = words.last();
      return read_size(args_.header_size_text, args_.header_size) &&
             read_size(args_.size_text, args_.size) && args_.header_size <= args_.size;
    }
    case Event::sub: {
      const Words words = split(text, true);
      if (words.count() != 2 && words.count() != 3) return false;
      args_.subject = words[0];
      args_.queue = words.count() == 3 ? words[1] : std::string_view();
      args_.sid = words.last();
      return true;
    }
    case Event::unsub: {
      const Words words = split(text, true);
      if (words.count() != 1 && words.count() != 2) return false;
      args_.sid = words[0];
      uint32_t max = 0;
      // As in nats-server, a count that is no number is no error: it is no count.
      args_.has_max = words.count() == 2 && read_size(words[1], max);
      args_.max = max;
      return true;
    }
    default:
      return false;
  }
}

// The line at the front of `bytes` is in args_: is its payload there too?
Event Parser::take_payload(std::string_view& bytes, size_t line_size) {
  const size_t operation = line_size + args_.size + 2;
  const size_t trailer = operation - 2;
  if (bytes.size() > trailer && bytes[trailer] != '\r') return fail_payload();
  if (bytes.size() < operation) {
    operation_size_ = operation;
    missing_ = operation - bytes.size();
    base_ = bytes.data();
    return Event::payload_pending;
  }
  if (bytes[trailer + 1] != '\n') return fail_payload();
  operation_size_ = 0;
  args_.payload = bytes.substr(line_size, args_.size);
  bytes.remove_prefix(operation);
  return args_.header_size_text.empty() ? Event::pub : Event::hpub;
}

// The caller may have moved the bytes since payload_pending: the views follow them.
Event Parser::resume_payload(std::string_view& bytes) {
  const auto follow = [&](std::string_view& view) {
    if (!view.empty()) view = {bytes.data() + (view.data() - base_), view.size()};
  };
  follow(args_.subject);
  follow(args_.reply);
  follow(args_.header_size_text);
  follow(args_.size_text);
  return take_payload(bytes, operation_size_ - 2 - args_.size);
}

Event Parser::fail(Fault fault) {
  fault_ = fault;
  args_ = {};
  return Event::fault;
}

Event Parser::fail_payload() {
  fault_ = Fault::unknown_operation;
  operation_size_ = 0;
  return Event::fault;
}

}  // namespace pipit::proto
