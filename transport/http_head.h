// HttpHead: one strict HTTP/1.1 request head, for the WebSocket upgrade and for monitoring.
//
// Refused: obs-fold, blanks before ':', bare CR or LF in a line, control bytes, more than one Host,
// Transfer-Encoding, a body on an upgrade (request smuggling lives there). No allocation beyond the
// list of fields; views point into the caller's bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pipit::net {

// A head that is not complete is all that a stranger costs, besides 1.8 KiB for the connection: 8 KiB
// in all.
inline constexpr size_t kMaxHttpHead = 6 * 1024;
inline constexpr size_t kMaxHttpFields = 100;

struct HttpHead {
  std::string_view method, target, version;
  std::vector<std::pair<std::string_view, std::string_view>> fields;

  std::string_view path() const;   // target up to '?', still escaped
  std::string_view query() const;  // behind '?'
  // First field of that name (case-insensitive).
  std::optional<std::string_view> field(std::string_view name) const;
  // Does any field of that name hold `token` in its comma list (both case-insensitive)?
  bool has_token(std::string_view name, std::string_view token) const;
  bool keep_alive() const;
};

enum class HttpParse : uint8_t { need_more, done, bad, too_large };

// Looks for a whole head at the front of `bytes`; on done `head_size` is its length with the blank
// line. need_more only while bytes.size() < kMaxHttpHead.
HttpParse parse_http_head(std::string_view bytes, HttpHead& head, size_t& head_size);

// Percent-decodes a query component ('+' is a blank). Nothing if malformed.
std::optional<std::string> percent_decode(std::string_view text);
// key=value pairs of a query string, decoded, in order; malformed pairs are left out.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

}  // namespace pipit::net
