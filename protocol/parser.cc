#include "protocol/parser.h"

#include <array>
#include <bit>
#include <cstring>

#include "protocol/limits.h"

namespace pipit::proto {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// The first byte of [p, end) that is not above ' ', eight at a time; `end` if there is none.
const char* find_separator(const char* p, const char* end) {
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

// Decimal digits of a size. False if there are none, too many, or anything else.
bool read_size(std::string_view text, uint32_t& value) {
  if (text.empty() || text.size() > kMaxSizeDigits) return false;
  uint32_t n = 0;
  for (const char c : text) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return false;
    n = n * 10 + digit;
  }
  value = n;
  return true;
}

// The arguments of a line; one more than any verb takes, so that too many can be told.
struct Words {
  static constexpr size_t kMax = 5;
  std::string_view word[kMax];
  size_t count = 0;
};

// `cr_is_blank`: nats-server splits SUB and UNSUB at '\r' too, PUB and HPUB only at blanks.
Words split(std::string_view text, bool cr_is_blank) {
  Words words;
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto separates = [=](char c) { return is_blank(c) || (cr_is_blank && c == '\r'); };
  while (words.count < Words::kMax) {
    while (p != end && separates(*p)) ++p;
    if (p == end) break;
    const char* const start = p;
    while (p != end && !separates(*p)) ++p;
    words.word[words.count++] = {start, static_cast<size_t>(p - start)};
  }
  return words;
}

struct Verb {
  std::string_view name;
  Event event;
};

// The only verb that `bytes` can become, by its first letters; nothing if there is none. For a
// lone 'P' any of its verbs does: the caller compares no further than the bytes go.
const Verb* verb_for(std::string_view bytes) {
  static constexpr Verb kPub{"pub", Event::pub}, kPing{"ping", Event::ping},
      kPong{"pong", Event::pong}, kHpub{"hpub", Event::hpub}, kSub{"sub", Event::sub},
      kUnsub{"unsub", Event::unsub}, kConnect{"connect", Event::connect},
      kInfo{"info", Event::info}, kOk{"+ok", Event::ok}, kErr{"-err", Event::err};
  switch (lower(bytes[0])) {
    case 'p':
      if (bytes.size() == 1) return &kPub;
      switch (lower(bytes[1])) {
        case 'u':
          return &kPub;
        case 'i':
          return &kPing;
        case 'o':
          return &kPong;
        default:
          return nullptr;
      }
    case 'h':
      return &kHpub;
    case 's':
      return &kSub;
    case 'u':
      return &kUnsub;
    case 'c':
      return &kConnect;
    case 'i':
      return &kInfo;
    case '+':
      return &kOk;
    case '-':
      return &kErr;
    default:
      return nullptr;
  }
}

bool ignores_arguments(Event verb) {
  return verb == Event::ping || verb == Event::pong || verb == Event::ok;
}

}  // namespace

Event Parser::next(std::string_view& bytes) {
  if (operation_size_ != 0) return resume_payload(bytes);
  if (fault_ != Fault::none) return Event::fault;
  if (verb_ == Event::need_more) {
    size_t line_size = 0;
    if (read_publish(bytes, line_size)) return take_payload(bytes, line_size);
    if (bytes.empty()) return Event::need_more;
    const Event event = read_verb(bytes);
    if (event != Event::ok) return event;
  }
  return ignores_arguments(verb_) ? skip_line(bytes) : read_line(bytes);
}

// The lane for a PUB or HPUB whose line is here in whole and in the usual form: arguments apart by
// one space, CRLF behind. Anything else, faults included, is left to read_verb() and read_line().
bool Parser::read_publish(std::string_view bytes, size_t& line_size) {
  const char* const start = bytes.data();
  const char* const end = start + bytes.size();
  if (bytes.size() < sizeof("PUB a 0\r\n") - 1) return false;
  uint32_t head;
  std::memcpy(&head, start, 4);
  const char* p = start + 4;
  const bool with_headers = (head | kUpperBits) == kHpubWord;
  if (with_headers) {
    if (*p++ != ' ') return false;
  } else if ((head | kUpperBits) != kPubWord || start[3] != ' ') {
    return false;
  }
  const char* const arguments = p;
  std::string_view word[4];
  const size_t most = with_headers ? 4 : 3;
  size_t count = 0;
  for (;;) {
    const char* const stop = find_separator(p, end);
    if (stop == p || count == most || end - stop < 2) return false;
    word[count++] = {p, static_cast<size_t>(stop - p)};
    p = stop + 1;
    if (*stop == ' ') continue;
    if (*stop != '\r' || *p != '\n') return false;
    break;
  }
  if (static_cast<size_t>(p - 1 - arguments) > max_control_line_) return false;
  if (count < most - 1) return false;
  args_.subject = word[0];
  args_.reply = count == most ? word[1] : std::string_view();
  args_.size_text = word[count - 1];
  if (!read_size(args_.size_text, args_.size)) return false;
  if (with_headers) {
    args_.header_size_text = word[count - 2];
    if (!read_size(args_.header_size_text, args_.header_size)) return false;
    if (args_.header_size > args_.size) return false;
  } else {
    args_.header_size_text = {};
    args_.header_size = 0;
  }
  line_size = static_cast<size_t>(p + 1 - start);
  return true;
}

// Event::ok: the verb is complete and in verb_, its bytes are not consumed but counted in start_.
Event Parser::read_verb(std::string_view bytes) {
  const Verb* const verb = verb_for(bytes);
  if (verb == nullptr) return fail(Fault::unknown_operation);
  const size_t size = verb->name.size();
  for (size_t i = 1; i < size; ++i) {
    if (i == bytes.size()) return Event::need_more;
    if (lower(bytes[i]) != verb->name[i]) return fail(Fault::unknown_operation);
  }
  const bool blank_needed = !ignores_arguments(verb->event) && verb->event != Event::connect &&
                            verb->event != Event::info;
  if (blank_needed) {
    if (bytes.size() == size) return Event::need_more;
    if (!is_blank(bytes[size])) return fail(Fault::unknown_operation);
  }
  verb_ = verb->event;
  start_ = size;
  return Event::ok;
}

// PING, PONG, +OK: whatever stands up to the line end is dropped as it comes, so it needs no room.
Event Parser::skip_line(std::string_view& bytes) {
  const Event event = verb_;
  const size_t line_end = bytes.find('\n', start_);
  start_ = 0;
  if (line_end == bytes.npos) {
    bytes = {};
    return Event::need_more;
  }
  bytes.remove_prefix(line_end + 1);
  verb_ = Event::need_more;
  return event;
}

Event Parser::read_line(std::string_view& bytes) {
  if (scanned_ == 0) {
    while (start_ < bytes.size() && is_blank(bytes[start_])) ++start_;
  }
  if (start_ >= bytes.size()) {
    // Nothing but blanks so far: dropped, so that a run of them needs no room.
    bytes = {};
    start_ = 0;
    return Event::need_more;
  }
  // A line that keeps the limit has its '\n' within `reach`, after a '\r' perhaps.
  const size_t reach = start_ + size_t{max_control_line_} + 2;
  const std::string_view seen = bytes.substr(0, reach);
  const size_t line_end = seen.find('\n', scanned_ > start_ ? scanned_ : start_);
  const bool complete = line_end != seen.npos;
  std::string_view text = seen.substr(start_, complete ? line_end - start_ : seen.npos);
  const bool cr_may_end_it = complete || seen.size() < reach;
  if (cr_may_end_it && !text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (text.size() > max_control_line_) return fail(Fault::control_line_exceeded);
  if (!complete) {
    scanned_ = seen.size();
    return Event::need_more;
  }
  const Event event = verb_;
  verb_ = Event::need_more;
  start_ = scanned_ = 0;
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
      if (words.count != 2 && words.count != 3) return false;
      args_.subject = words.word[0];
      args_.reply = words.count == 3 ? words.word[1] : std::string_view();
      args_.header_size_text = {};
      args_.header_size = 0;
      args_.size_text = words.word[words.count - 1];
      return read_size(args_.size_text, args_.size);
    }
    case Event::hpub: {
      const Words words = split(text, false);
      if (words.count != 3 && words.count != 4) return false;
      args_.subject = words.word[0];
      args_.reply = words.count == 4 ? words.word[1] : std::string_view();
      args_.header_size_text = words.word[words.count - 2];
      args_.size_text = words.word[words.count - 1];
      return read_size(args_.header_size_text, args_.header_size) &&
             read_size(args_.size_text, args_.size) && args_.header_size <= args_.size;
    }
    case Event::sub: {
      const Words words = split(text, true);
      if (words.count != 2 && words.count != 3) return false;
      args_.subject = words.word[0];
      args_.queue = words.count == 3 ? words.word[1] : std::string_view();
      args_.sid = words.word[words.count - 1];
      return true;
    }
    case Event::unsub: {
      const Words words = split(text, true);
      if (words.count != 1 && words.count != 2) return false;
      args_.sid = words.word[0];
      uint32_t max = 0;
      // As in nats-server, a count that is no number is no error: it is no count.
      args_.has_max = words.count == 2 && read_size(words.word[1], max);
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
