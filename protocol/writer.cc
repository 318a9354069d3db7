#include "protocol/writer.h"

#include <charconv>
#include <cstring>

namespace pipit::proto {
namespace {

constexpr std::string_view kStatusLine = "NATS/1.0 503\r\n";
constexpr std::string_view kSubjectKey = "Nats-Subject: ";

// Arguments are short: a call of memcpy for each would cost more than the copies. Two loads that
// overlap cover every size up to twice theirs.
inline char* put(char* out, std::string_view text) {
  const size_t n = text.size();
  const char* const from = text.data();
  const auto copy_overlapping = [=](auto word) {
    decltype(word) first, last;
    std::memcpy(&first, from, sizeof(word));
    std::memcpy(&last, from + n - sizeof(word), sizeof(word));
    std::memcpy(out, &first, sizeof(word));
    std::memcpy(out + n - sizeof(word), &last, sizeof(word));
  };
  if (n > 16) {
    std::memcpy(out, from, n);
  } else if (n >= 8) {
    copy_overlapping(uint64_t{});
  } else if (n >= 4) {
    copy_overlapping(uint32_t{});
  } else if (n >= 2) {
    copy_overlapping(uint16_t{});
  } else if (n == 1) {
    *out = *from;
  }
  return out + n;
}

// A text whose size the compiler knows: a store or two.
template <size_t N>
inline char* put_literal(char* out, const char (&text)[N]) {
  std::memcpy(out, text, N - 1);
  return out + N - 1;
}

inline char* put_route(char* out, std::string_view subject, std::string_view sid,
                       std::string_view reply) {
  out = put(out, subject);
  *out++ = ' ';
  out = put(out, sid);
  *out++ = ' ';
  if (!reply.empty()) {
    out = put(out, reply);
    *out++ = ' ';
  }
  return out;
}

size_t no_responders_block_size(std::string_view subject) {
  return kStatusLine.size() + kSubjectKey.size() + subject.size() + 2 * kCrlf.size();
}

}  // namespace

char* write_msg_line(char* out, std::string_view subject, std::string_view sid,
                     std::string_view reply, std::string_view size_text) {
  out = put_route(put_literal(out, "MSG "), subject, sid, reply);
  return put_literal(put(out, size_text), "\r\n");
}

char* write_hmsg_line(char* out, std::string_view subject, std::string_view sid,
                      std::string_view reply, std::string_view header_size_text,
                      std::string_view size_text) {
  out = put_route(put_literal(out, "HMSG "), subject, sid, reply);
  out = put(out, header_size_text);
  *out++ = ' ';
  return put_literal(put(out, size_text), "\r\n");
}

char* write_err(char* out, std::string_view text) {
  return put_literal(put(put_literal(out, "-ERR '"), text), "'\r\n");
}

size_t no_responders_size(std::string_view reply, std::string_view sid, std::string_view subject) {
  constexpr std::string_view kMostDigits = "18446744073709551615";
  return hmsg_line_size(reply, sid, {}, kMostDigits, kMostDigits) +
         no_responders_block_size(subject) + kCrlf.size();
}

char* write_no_responders(char* out, std::string_view reply, std::string_view sid,
                          std::string_view subject) {
  char digits[20];
  const char* const end = write_uint(digits, no_responders_block_size(subject));
  const std::string_view size_text(digits, static_cast<size_t>(end - digits));
  out = write_hmsg_line(out, reply, sid, {}, size_text, size_text);
  out = put(put(out, kStatusLine), kSubjectKey);
  return put_literal(put(out, subject), "\r\n\r\n\r\n");
}

std::string no_responders_block(std::string_view subject) {
  std::string block(no_responders_block_size(subject), '\0');
  put_literal(put(put(put(block.data(), kStatusLine), kSubjectKey), subject), "\r\n\r\n");
  return block;
}

char* write_uint(char* out, uint64_t value) { return std::to_chars(out, out + 20, value).ptr; }

}  // namespace pipit::proto
