// Writer: server-to-client protocol text into the caller's buffer. No allocation, no terminator.
//
// Each function appends at `out` and returns the new end. The caller has made room: the matching
// *_size() function is an upper bound. Bytes from publishers (subject, reply, sizes) go out as they
// came in.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pipit::proto {

inline constexpr std::string_view kPing = "PING\r\n";
inline constexpr std::string_view kPong = "PONG\r\n";
inline constexpr std::string_view kOk = "+OK\r\n";
inline constexpr std::string_view kCrlf = "\r\n";

// MSG <subject> <sid> [reply] <size>CRLF, without the payload. An empty reply is left out.
inline size_t msg_line_size(std::string_view subject, std::string_view sid, std::string_view reply,
                            std::string_view size_text) {
  return 4 + subject.size() + 1 + sid.size() + 1 + reply.size() + 1 + size_text.size() + 2;
}
char* write_msg_line(char* out, std::string_view subject, std::string_view sid,
                     std::string_view reply, std::string_view size_text);

// HMSG <subject> <sid> [reply] <header size> <total size>CRLF.
inline size_t hmsg_line_size(std::string_view subject, std::string_view sid, std::string_view reply,
                             std::string_view header_size_text, std::string_view size_text) {
  return msg_line_size(subject, sid, reply, size_text) + 1 + header_size_text.size() + 1;
}
char* write_hmsg_line(char* out, std::string_view subject, std::string_view sid,
                      std::string_view reply, std::string_view header_size_text,
                      std::string_view size_text);

// -ERR '<text>'CRLF
inline size_t err_size(std::string_view text) { return 6 + text.size() + 3; }
char* write_err(char* out, std::string_view text);

// The whole no-responders message, header block included (ADR-4 headers, status 503).
size_t no_responders_size(std::string_view reply, std::string_view sid, std::string_view subject);
char* write_no_responders(char* out, std::string_view reply, std::string_view sid,
                          std::string_view subject);

// Its header block alone.
std::string no_responders_block(std::string_view subject);

// Decimal digits of `value`; at most 20 bytes.
char* write_uint(char* out, uint64_t value);

}  // namespace pipit::proto
