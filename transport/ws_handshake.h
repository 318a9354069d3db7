// The WebSocket upgrade: checks in nats-server's order, and the HTTP answer to each.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http_head.h"

namespace pipit::net {

struct WsOrigin {
  std::string scheme, host;  // lower case
  int port = 0;
};
// "http(s)://host[:port]" with nothing behind but an optional path; false if it is none.
bool parse_origin(std::string_view text, WsOrigin& origin);

struct WsHandshakeRules {
  bool same_origin = false;
  bool tls = false;  // the listener did TLS: what "same scheme" means
  std::vector<WsOrigin> allowed_origins;
  bool compression = false;
  std::map<std::string, std::string> headers;  // added to the 101
};

struct WsUpgrade {
  bool accepted = false;
  std::string response;  // to send; empty: close without a word
  std::string reason;    // for the log when refused
  bool compression = false;
  int server_max_window_bits = 15;  // RFC 7692: what our deflate may use
  bool no_masking = false;
  bool browser = false;  // User-Agent starts with "Mozilla/"
  bool safari = false;
  std::string forwarded_for;  // X-Forwarded-For when it is exactly one valid IP
  std::string path;
};

// `more` is what the client sent behind the head: it may send nothing before our answer.
WsUpgrade ws_handshake(const HttpHead& head, std::string_view more, const WsHandshakeRules& rules);
// base64(SHA1(key + the GUID of RFC 6455))
std::string ws_accept_key(std::string_view key);
// True for names a `headers` block may not set: Host, Content-Length, Connection, Upgrade,
// Nats-No-Masking, Sec-WebSocket-*.
bool ws_reserved_header(std::string_view name);

}  // namespace pipit::net
