#include "transport/ws_handshake.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "transport/base64.h"
#include "transport/sha1.h"
#include "transport/ws_deflate.h"

namespace pipit::net {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), lower);
  return result;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Cuts the part before `separator` off `text`.
std::string_view take_until(std::string_view& text, char separator) {
  size_t end = text.find(separator);
  std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

std::optional<int> number(std::string_view digits, int most) {
  int value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (digits.front() == '-' || value > most) return std::nullopt;
  return value;
}

// "host", "host:port", "[v6]", "[v6]:port".
bool parse_host(std::string_view text, int default_port, std::string& host, int& port) {
  size_t colon = text.rfind(':');
  size_t bracket = text.rfind(']');
  port = default_port;
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    auto value = number(text.substr(colon + 1), 65535);
    if (!value) return false;
    port = *value;
    text = text.substr(0, colon);
  }
  if (bracket != std::string_view::npos) {
    if (text.front() != '[' || text.back() != ']') return false;
    text = text.substr(1, text.size() - 2);
  } else if (text.find(':') != std::string_view::npos) {
    return false;
  }
  host = lowered(text);
  return !host.empty();
}

// What is wrong with the request's origin; nothing if it may come in.
std::optional<std::string> origin_fault(const HttpHead& head, const WsHandshakeRules& rules) {
  if (!rules.same_origin && rules.allowed_origins.empty()) return std::nullopt;
  std::string_view text = head.field("Origin").value_or("");
  if (text.empty()) text = head.field("Sec-WebSocket-Origin").value_or("");
  // No browser speaks there: it could claim any origin.
  if (text.empty()) return std::nullopt;
  WsOrigin origin;
  if (!parse_origin(text, origin)) return "invalid origin '" + std::string(text) + "'";
  if (rules.same_origin) {
    std::string host;
    int port = 0;
    if (!parse_host(*head.field("Host"), rules.tls ? 443 : 80, host, port) ||
        origin.host != host || origin.port != port ||
        origin.scheme != (rules.tls ? "https" : "http")) {
      return "not same origin";
    }
  }
  bool listed = std::ranges::any_of(rules.allowed_origins, [&](const WsOrigin& allowed) {
    return allowed.scheme == origin.scheme && allowed.host == origin.host &&
           allowed.port == origin.port;
  });
  if (!listed && !rules.allowed_origins.empty()) return "not in the allowed list";
  return std::nullopt;
}

// The window that one offer of permessage-deflate leaves to our deflate (RFC 7692, 7.1). Nothing:
// the offer is malformed, or asks for what zlib cannot do, and has to be declined.
std::optional<int> window_of_offer(std::string_view parameters) {
  bool server_takeover = false, client_takeover = false, client_bits = false;
  int server_bits = 0;  // 0: not asked for
  auto once = [](bool& seen) { return !std::exchange(seen, true); };
  while (!parameters.empty()) {
    std::string_view value = take_until(parameters, ';');
    bool valued = value.find('=') != std::string_view::npos;
    std::string_view name = trim(take_until(value, '='));
    value = trim(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    int bits = 0;  // 8 to 15, or 0
    if (valued && !value.empty() && value.front() != '0') bits = number(value, 15).value_or(0);
    if (bits < 8) bits = 0;
    if (equals_ignoring_case(name, "server_no_context_takeover")) {
      if (valued || !once(server_takeover)) return std::nullopt;
    } else if (equals_ignoring_case(name, "client_no_context_takeover")) {
      if (valued || !once(client_takeover)) return std::nullopt;
    } else if (equals_ignoring_case(name, "client_max_window_bits")) {
      if ((valued && bits == 0) || !once(client_bits)) return std::nullopt;
    } else if (equals_ignoring_case(name, "server_max_window_bits")) {
      if (bits == 0 || server_bits != 0) return std::nullopt;
      server_bits = bits;
    } else {
      return std::nullopt;
    }
  }
  if (server_bits == 0) return 15;
  if (server_bits < kMinWindowBits) return std::nullopt;
  return server_bits;
}

// The first offer that we can keep.
std::optional<int> negotiated_window(const HttpHead& head) {
  for (const auto& [name, value] : head.fields) {
    if (!equals_ignoring_case(name, "Sec-WebSocket-Extensions")) continue;
    for (std::string_view rest = value; !rest.empty();) {
      std::string_view offer = take_until(rest, ',');
      if (!equals_ignoring_case(trim(take_until(offer, ';')), "permessage-deflate")) continue;
      if (auto window = window_of_offer(offer)) return window;
    }
  }
  return std::nullopt;
}

bool is_ip(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address;
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

WsUpgrade refuse(std::string_view status, std::string reason) {
  WsUpgrade result;
  result.reason = std::move(reason);
  // "400 Bad Request": the words and a line end are the body.
  std::string body(status.substr(4));
  body += '\n';
  result.response.append("HTTP/1.1 ").append(status);
  result.response += "\r\nContent-Type: text/plain; charset=utf-8\r\nSec-Websocket-Version: 13\r\n"
                     "X-Content-Type-Options: nosniff\r\nConnection: close\r\nContent-Length: ";
  result.response.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  return result;
}

}  // namespace

bool parse_origin(std::string_view text, WsOrigin& origin) {
  size_t colon = text.find("://");
  if (colon == std::string_view::npos) return false;
  origin.scheme = lowered(text.substr(0, colon));
  if (origin.scheme != "http" && origin.scheme != "https") return false;
  std::string_view rest = text.substr(colon + 3);
  if (rest.find_first_of("?#@ \t") != std::string_view::npos) return false;
  return parse_host(rest.substr(0, rest.find('/')), origin.scheme == "https" ? 443 : 80,
                    origin.host, origin.port);
}

std::string ws_accept_key(std::string_view key) {
  return base64_encode(sha1(std::string(key).append(kGuid)));
}

bool ws_reserved_header(std::string_view name) {
  constexpr std::string_view kPrefix = "sec-websocket-";
  static constexpr std::array<std::string_view, 5> kNames = {"host", "content-length", "connection",
                                                             "upgrade", "nats-no-masking"};
  std::string text = lowered(name);
  return text.starts_with(kPrefix) || std::ranges::find(kNames, text) != kNames.end();
}

WsUpgrade ws_handshake(const HttpHead& head, std::string_view more,
                       const WsHandshakeRules& rules) {
  std::string_view path = head.path();
  if (path.ends_with("/mqtt")) return refuse("404 Not Found", "mqtt websocket endpoint not enabled");
  if (head.method != "GET")
    return refuse("405 Method Not Allowed", "request method must be GET");
  auto bad = [](std::string_view reason) { return refuse("400 Bad Request", std::string(reason)); };
  if (head.field("Host").value_or("").empty()) return bad("'Host' missing in request");
  if (!head.has_token("Upgrade", "websocket")) return bad("invalid value for header 'Upgrade'");
  if (!head.has_token("Connection", "Upgrade")) return bad("invalid value for header 'Connection'");
  std::string_view key = head.field("Sec-WebSocket-Key").value_or("");
  if (key.empty()) return bad("key missing");
  auto nonce = base64_decode(key);
  if (!nonce || nonce->size() != 16) return bad("invalid websocket key");
  if (!head.has_token("Sec-WebSocket-Version", "13")) return bad("invalid version");
  if (auto fault = origin_fault(head, rules))
    return refuse("403 Forbidden", "origin not allowed: " + *fault);

  WsUpgrade result;
  if (!more.empty()) {
    result.reason = "client sent data before handshake is complete";
    return result;
  }
  result.accepted = true;
  result.path = path;
  result.no_masking = head.field("Nats-No-Masking") == "true";
  std::string_view agent = head.field("User-Agent").value_or("");
  result.browser = agent.starts_with("Mozilla/");
  // Chrome on a Mac names Safari too, but no version of it.
  result.safari = result.browser && agent.find("Version/") != std::string_view::npos &&
                  agent.find("Safari/") != std::string_view::npos;
  std::string client(head.field("X-Forwarded-For").value_or(""));
  if (is_ip(client)) result.forwarded_for = std::move(client);

  result.response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: ";
  result.response += ws_accept_key(key) + "\r\n";
  std::optional<int> window;
  if (kDeflateBuilt && rules.compression) window = negotiated_window(head);
  if (window) {
    result.compression = true;
    result.server_max_window_bits = *window;
    result.response += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                       "client_no_context_takeover";
    if (*window < 15)
      result.response += "; server_max_window_bits=" + std::to_string(*window);
    result.response += "\r\n";
  }
  if (result.no_masking) result.response += "Nats-No-Masking: true\r\n";
  for (const auto& [name, value] : rules.headers)
    result.response.append(name).append(": ").append(value).append("\r\n");
  result.response += "\r\n";
  if (path.ends_with("/leafnode")) {  // nats-server without such a port says yes, and hangs up
    result.accepted = false;
    result.reason = "leafnode websocket endpoint not enabled";
  }
  return result;
}

}  // namespace pipit::net
