// Proves the WebSocket upgrade: each check in nats-server's order with its answer, origins, offers of
// compression, what is remembered of the client; and the head as it arrives, in pieces or too long.
#include "transport/ws_handshake.h"

#include <doctest/doctest.h>

#include "tests/transport/ws_peer.h"
#include "transport/ws_deflate.h"

using namespace pipit::net;

namespace {

const std::string kGood =
    "Host: here:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

std::string without(std::string_view name) {
  std::string text = kGood;
  size_t begin = text.find(name);
  return text.erase(begin, text.find('\n', begin) + 1 - begin);
}

WsUpgrade ask(const std::string& request, const WsHandshakeRules& rules = {}) {
  HttpHead head;
  size_t size = 0;
  REQUIRE(parse_http_head(request, head, size) == HttpParse::done);
  return ws_handshake(head, std::string_view(request).substr(size), rules);
}

WsUpgrade get(const std::string& fields, const WsHandshakeRules& rules = {}) {
  return ask("GET / HTTP/1.1\r\n" + fields + "\r\n", rules);
}

std::string offered(const std::string& offer) {
  WsHandshakeRules rules;
  rules.compression = true;
  WsUpgrade upgrade = get(kGood + "Sec-WebSocket-Extensions: " + offer + "\r\n", rules);
  REQUIRE(upgrade.accepted);
  const std::string name = "Sec-WebSocket-Extensions: ";
  size_t begin = upgrade.response.find(name);
  CHECK(upgrade.compression == (begin != std::string::npos));
  if (begin == std::string::npos) return "";
  begin += name.size();
  return upgrade.response.substr(begin, upgrade.response.find('\r', begin) - begin);
}

}  // namespace

TEST_CASE("a good request is answered as RFC 6455 shows") {
  WsUpgrade upgrade = get(kGood);
  CHECK(upgrade.accepted);
  CHECK(upgrade.response ==
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  CHECK_FALSE(upgrade.compression);
  CHECK_FALSE(upgrade.no_masking);
}

TEST_CASE("each check has its answer, and the first that fails gives it") {
  struct Row {
    std::string request, status, reason;
  };
  const std::string get_line = "GET / HTTP/1.1\r\n";
  const Row rows[] = {
      {"POST /x/mqtt HTTP/1.1\r\n" + kGood, "404 Not Found", "mqtt websocket endpoint not enabled"},
      {"POST / HTTP/1.1\r\n" + without("Host"), "405 Method Not Allowed",
       "request method must be GET"},
      {get_line + without("Host"), "400 Bad Request", "'Host' missing in request"},
      {get_line + without("Upgrade"), "400 Bad Request", "invalid value for header 'Upgrade'"},
      {get_line + without("Connection"), "400 Bad Request",
       "invalid value for header 'Connection'"},
      {get_line + without("Sec-WebSocket-Key"), "400 Bad Request", "key missing"},
      {get_line + without("Sec-WebSocket-Key") + "Sec-WebSocket-Key: c2hvcnQ=\r\n",
       "400 Bad Request", "invalid websocket key"},
      {get_line + without("Sec-WebSocket-Version") + "Sec-WebSocket-Version: 12\r\n",
       "400 Bad Request", "invalid version"},
      {get_line + kGood + "Origin: http://there\r\n", "403 Forbidden",
       "origin not allowed: not same origin"},
  };
  WsHandshakeRules rules;
  rules.same_origin = true;
  for (const Row& row : rows) {
    CAPTURE(row.reason);
    // Every later fault is there too, and must not be what is told.
    WsUpgrade upgrade = ask(row.request + "\r\n\x81\x80zzzz", rules);
    CHECK_FALSE(upgrade.accepted);
    CHECK(upgrade.reason == row.reason);
    std::string body = row.status.substr(4) + "\n";
    CHECK(upgrade.response ==
          "HTTP/1.1 " + row.status + "\r\nContent-Type: text/plain; charset=utf-8\r\n"
          "Sec-Websocket-Version: 13\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
          "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
}

TEST_CASE("who talks before the answer is hung up on") {
  WsUpgrade upgrade = ask("GET / HTTP/1.1\r\n" + kGood + "\r\nx");
  CHECK_FALSE(upgrade.accepted);
  CHECK(upgrade.response.empty());
  CHECK(upgrade.reason == "client sent data before handshake is complete");
}

TEST_CASE("same origin means scheme, host and port of this very request") {
  WsHandshakeRules rules;
  rules.same_origin = true;
  auto may = [&](const std::string& origin) {
    return get(kGood + "Origin: " + origin + "\r\n", rules).accepted;
  };
  CHECK(may("http://here:8080"));
  CHECK(may("HTTP://HERE:8080"));
  CHECK(may("http://here:8080/path"));
  CHECK(may(""));
  CHECK(get(kGood, rules).accepted);
  for (const char* origin : {"http://here", "https://here:8080", "http://there:8080", "here:8080",
                             "null", "ftp://here:8080", "http://", "http://here:80x",
                             "http://here:8080@evil", "http://here:-8080", "http://[here:8080"}) {
    CAPTURE(origin);
    CHECK_FALSE(may(origin));
  }
  CHECK_FALSE(get(kGood + "Sec-WebSocket-Origin: http://there\r\n", rules).accepted);
  rules.tls = true;
  CHECK(may("https://here:8080"));
  CHECK_FALSE(may("http://here:8080"));
}

TEST_CASE("one of the allowed origins must fit, and same_origin too if both are asked for") {
  WsHandshakeRules rules;
  for (const char* text : {"http://a.example", "https://b.example:8443", "http://[::1]:81"}) {
    WsOrigin origin;
    REQUIRE(parse_origin(text, origin));
    rules.allowed_origins.push_back(origin);
  }
  auto may = [&](const std::string& origin) {
    return get(kGood + "Origin: " + origin + "\r\n", rules).accepted;
  };
  CHECK(may("http://A.example:80"));
  CHECK(may("https://b.example:8443"));
  CHECK(may("http://[::1]:81"));
  CHECK_FALSE(may("https://a.example"));
  CHECK_FALSE(may("https://b.example"));
  CHECK_FALSE(may("http://here:8080"));
  rules.same_origin = true;
  CHECK_FALSE(may("http://a.example"));
}

TEST_CASE("offers of compression are answered by RFC 7692") {
  if (!kDeflateBuilt) return;
  const std::string plain = "permessage-deflate; server_no_context_takeover; "
                            "client_no_context_takeover";
  CHECK(offered("permessage-deflate") == plain);
  CHECK(offered("Permessage-Deflate; client_max_window_bits") == plain);
  CHECK(offered("permessage-deflate; client_max_window_bits=9; server_no_context_takeover; "
                "client_no_context_takeover") == plain);
  CHECK(offered("permessage-deflate; server_max_window_bits=15") == plain);
  CHECK(offered("permessage-deflate; server_max_window_bits=10") ==
        plain + "; server_max_window_bits=10");
  CHECK(offered("permessage-deflate; server_max_window_bits=\"12\"") ==
        plain + "; server_max_window_bits=12");
  // zlib cannot keep to 8 bits: the fallback is taken.
  CHECK(offered("permessage-deflate; server_max_window_bits=8, permessage-deflate") == plain);
  CHECK(offered("x-other; a=b, permessage-deflate") == plain);
  for (const char* offer :
       {"x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=16", "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits=08", "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9"}) {
    CAPTURE(offer);
    CHECK(offered(offer) == "");
  }
  WsUpgrade off = get(kGood + "Sec-WebSocket-Extensions: permessage-deflate\r\n");
  CHECK(off.accepted);
  CHECK_FALSE(off.compression);
}

TEST_CASE("what the request says of its client is remembered") {
  WsUpgrade upgrade = ask("GET /some/path?q HTTP/1.1\r\n" + kGood +
                          "Nats-No-Masking: true\r\nX-Forwarded-For: 10.1.2.3\r\nUser-Agent: "
                          "Mozilla/5.0 (Macintosh) Version/16.0 Safari/605.1\r\n\r\n");
  CHECK(upgrade.no_masking);
  CHECK(upgrade.response.ends_with("Nats-No-Masking: true\r\n\r\n"));
  CHECK(upgrade.forwarded_for == "10.1.2.3");
  CHECK(upgrade.browser);
  CHECK(upgrade.safari);
  CHECK(upgrade.path == "/some/path");
  upgrade = get(kGood + "Nats-No-Masking: TRUE\r\nX-Forwarded-For: 10.1.2.3, 10.1.2.4\r\n"
                        "User-Agent: Mozilla/5.0 (Macintosh) Chrome/120 Safari/537\r\n");
  CHECK_FALSE(upgrade.no_masking);
  CHECK(upgrade.forwarded_for.empty());
  CHECK(upgrade.browser);
  CHECK_FALSE(upgrade.safari);
  CHECK(get(kGood + "X-Forwarded-For: 2001:db8::1\r\n").forwarded_for == "2001:db8::1");
}

TEST_CASE("configured headers go out last, and some may not be configured") {
  WsHandshakeRules rules;
  rules.headers = {{"X-Team", "blue"}, {"A", "b"}};
  CHECK(get(kGood, rules).response.ends_with("\r\nA: b\r\nX-Team: blue\r\n\r\n"));
  for (const char* name : {"Host", "content-length", "CONNECTION", "Upgrade", "nats-no-masking",
                           "Sec-WebSocket-Accept", "sec-websocket-"}) {
    CAPTURE(name);
    CHECK(ws_reserved_header(name));
  }
  CHECK_FALSE(ws_reserved_header("X-Team"));
}

TEST_CASE("the head may come byte by byte") {
  WsPeer peer;
  const std::string request = "GET / HTTP/1.1\r\n" + kGood + "\r\n";
  for (char byte : request) {
    CHECK_FALSE(peer.opened.has_value());
    peer.wire->feed({&byte, 1});
  }
  REQUIRE(peer.opened.has_value());
  CHECK(peer.opened->accepted);
  CHECK(peer.wire->written() == peer.opened->response);
  peer.send("hello");
  CHECK(peer.handler.received == "hello");
}

TEST_CASE("a refused client is answered, then the handler is told and nothing more is read") {
  WsPeer peer;
  peer.wire->feed("POST / HTTP/1.1\r\nHost: x\r\n\r\nGET");
  REQUIRE(peer.opened.has_value());
  CHECK_FALSE(peer.opened->accepted);
  CHECK(peer.wire->written() == peer.opened->response);
  CHECK(peer.handler.ends == 1);
  CHECK(peer.handler.end_why == "request method must be GET");
  CHECK(peer.wire->closed());
  CHECK(peer.handler.received.empty());
}

TEST_CASE("who does not speak HTTP is told at once") {
  for (const char* bytes : {"CONNECT {}\r\nPING\r\n", "\x16\x03\x01"}) {
    WsPeer peer;
    peer.wire->feed(bytes);
    CHECK(peer.wire->written().starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(peer.handler.ends == 1);
    CHECK(peer.wire->closed());
  }
}

TEST_CASE("a head of more than 6 KiB is refused, one of just that is read") {
  for (size_t over : {0u, 1u}) {
    CAPTURE(over);
    WsPeer peer;
    std::string request = "GET / HTTP/1.1\r\n" + kGood + "X: ";
    request += std::string(kMaxHttpHead + over - request.size() - 4, 'x') + "\r\n\r\n";
    for (size_t at = 0; at < request.size(); at += 1000) peer.wire->feed(request.substr(at, 1000));
    REQUIRE(peer.opened.has_value());
    CHECK(peer.opened->accepted == (over == 0));
    if (over > 0) CHECK(peer.wire->written().starts_with("HTTP/1.1 431 "));
  }
}

TEST_CASE("a client that never finishes its request is told so when its time is over") {
  WsPeer peer;
  peer.wire->feed("GET / HT");
  peer.stream->close(0, "");
  CHECK(peer.wire->written().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  CHECK(peer.wire->closed());
  CHECK_FALSE(peer.opened.has_value());
  CHECK(peer.handler.ends == 0);
}

TEST_CASE("a client that leaves during the handshake is no upgrade") {
  WsPeer peer;
  peer.wire->feed("GET / HT");
  peer.wire->end();
  CHECK(peer.handler.ends == 1);
  CHECK(peer.handler.end_code == 0);
  CHECK_FALSE(peer.opened.has_value());
  CHECK(peer.wire->written().empty());
}
