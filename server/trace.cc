#include "server/trace.h"

#include <algorithm>
#include <cstdint>

#include "protocol/utf8.h"

namespace pipit {
namespace {

void append_escaped(std::string& out, unsigned char c) {
  constexpr std::string_view kPlain = "\a\b\t\n\v\f\r", kNames = "abtnvfr";
  constexpr std::string_view kHex = "0123456789abcdef";
  if (const size_t at = kPlain.find(static_cast<char>(c)); at != std::string_view::npos) {
    (out += '\\') += kNames[at];
    return;
  }
  ((out += "\\x") += kHex[c >> 4]) += kHex[c & 15];
}

void append_quoted(std::string& out, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto c = static_cast<unsigned char>(bytes[0]);
    size_t taken = 1;
    if (c == '"' || c == '\\') {
      (out += '\\') += bytes[0];
    } else if (c >= ' ' && c < 0x7f) {
      out += bytes[0];
    } else if (c >= 0x80 && (taken = proto::utf8_sequence_size(bytes)) > 0) {
      out += bytes.substr(0, taken);
    } else {
      taken = 1;
      append_escaped(out, c);
    }
    bytes.remove_prefix(taken);
  }
}

}  // namespace

std::string traced_payload(std::string_view headers, std::string_view body, size_t max) {
  const bool cut = max > 0 && headers.size() + body.size() > max;
  if (cut) {
    headers = headers.substr(0, max);
    body = body.substr(0, max - headers.size());
  }
  std::string out = "MSG_PAYLOAD: [\"";
  append_quoted(out, headers);
  append_quoted(out, body);
  return out += cut ? "...\"]" : "\"]";
}

}  // namespace pipit
