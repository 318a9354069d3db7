// Proves the request-head parser: what browsers and clients send is understood, every smuggling
// trick is refused, any prefix of a good head asks for more, and nothing grows past its limit.
#include "transport/http_head.h"

#include <doctest/doctest.h>

using namespace pipit::net;

namespace {

constexpr std::string_view kUpgrade =
    "GET /nats?x=1 HTTP/1.1\r\n"
    "Host: example.org:8080\r\n"
    "Upgrade: websocket\r\n"
    "Connection:keep-alive ,\tUpgrade \r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "X-Empty:\r\n"
    "\r\n";

HttpParse parse(std::string_view bytes) {
  HttpHead head;
  size_t size = 0;
  return parse_http_head(bytes, head, size);
}

HttpParse parse_fields(std::string_view fields) {
  return parse("GET / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n\r\n");
}

}  // namespace

TEST_CASE("an upgrade request is understood") {
  HttpHead head;
  size_t size = 0;
  std::string bytes = std::string(kUpgrade) + "behind";
  REQUIRE(parse_http_head(bytes, head, size) == HttpParse::done);
  CHECK(size == kUpgrade.size());
  CHECK(head.method == "GET");
  CHECK(head.target == "/nats?x=1");
  CHECK(head.version == "HTTP/1.1");
  CHECK(head.path() == "/nats");
  CHECK(head.query() == "x=1");
  CHECK(head.fields.size() == 5);
  CHECK(head.field("host") == "example.org:8080");
  CHECK(head.field("X-EMPTY") == "");
  CHECK_FALSE(head.field("Origin"));
  CHECK(head.has_token("connection", "upgrade"));
  CHECK(head.has_token("Connection", "KEEP-ALIVE"));
  CHECK_FALSE(head.has_token("connection", "up"));
  CHECK_FALSE(head.has_token("connection", ""));
  CHECK(head.keep_alive());
}

TEST_CASE("every prefix of a good head asks for more") {
  HttpHead head;
  size_t size = 0;
  for (size_t n = 0; n < kUpgrade.size(); ++n) {
    CAPTURE(n);
    REQUIRE(parse_http_head(kUpgrade.substr(0, n), head, size) == HttpParse::need_more);
  }
  CHECK(parse_http_head(kUpgrade, head, size) == HttpParse::done);
}

TEST_CASE("request lines that are refused") {
  for (const char* line :
       {"", " ", "GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1",
        "GET / HTTP/2.0", "GET / HTTP/0.9", "GET / http/1.1", "GET / HTTP/1.1\t", "G(T / HTTP/1.1",
        "GET x HTTP/1.1", "CONNECT host:1 HTTP/1.1", "GET /a b HTTP/1.1", "GET /\x01 HTTP/1.1",
        "GET /\xc3\xa4 HTTP/1.1", "CONNECT {\"verbose\":false}", "\x16\x03\x01"}) {
    CAPTURE(line);
    CHECK(parse(std::string(line) + "\r\nHost: h\r\n\r\n") == HttpParse::bad);
    CHECK(parse(std::string(line) + "\r\n") == HttpParse::bad);  // no need to wait for the end
  }
  CHECK(parse("PUT / HTTP/1.0\r\n\r\n") == HttpParse::done);
  CHECK(parse("OPTIONS * HTTP/1.1\r\n\r\n") == HttpParse::done);
}

TEST_CASE("a target may name the host") {
  HttpHead head;
  size_t size = 0;
  REQUIRE(parse_http_head("GET HTTP://h:1/varz?a=/b HTTP/1.1\r\n\r\n", head, size) ==
          HttpParse::done);
  CHECK(head.path() == "/varz");
  CHECK(head.query() == "a=/b");
  REQUIRE(parse_http_head("GET http://h HTTP/1.1\r\n\r\n", head, size) == HttpParse::done);
  CHECK(head.path() == "/");
  REQUIRE(parse_http_head("GET http://h?q HTTP/1.1\r\n\r\n", head, size) == HttpParse::done);
  CHECK(head.path() == "/");
  CHECK(head.query() == "q");
}

TEST_CASE("fields that are refused") {
  using namespace std::string_literals;
  for (const std::string& field : {"A : b"s,
                                   " A: b"s,
                                   "\tA: b"s,
                                   "A"s,
                                   ": b"s,
                                   "A\0: b"s,
                                   "A: b\0"s,
                                   "A: \x01"s,
                                   "A: \x7f"s,
                                   "A(: b"s,
                                   "A: b\r\n folded"s,
                                   "A: b\rB: c"s,
                                   "A: b\nB: c"s,
                                   "A: b\r\r"s,
                                   "Host: other"s,
                                   "host: h"s,
                                   "Transfer-Encoding: chunked"s,
                                   "transfer-encoding: identity"s,
                                   "Content-Length: 1"s,
                                   "content-length: x"s,
                                   "Content-Length:"s,
                                   "Content-Length: 0, 1"s,
                                   "Content-Length: -0"s,
                                   "Content-Length: +0"s}) {
    CAPTURE(field);
    CHECK(parse_fields(field) == HttpParse::bad);
  }
  for (const char* field : {"A: b", "A:b", "A:\t b \t", "A: \xff", "A: b c", "Content-Length: 0",
                            "a!#$%&'*+-.^_`|~9: x", "A: b\r\nA: c"}) {
    CAPTURE(field);
    CHECK(parse_fields(field) == HttpParse::done);
  }
}

TEST_CASE("bare line ends are refused at once") {
  CHECK(parse("GET / HTTP/1.1\n\n") == HttpParse::bad);
  CHECK(parse("GET / HTTP/1.1\r\nHost: h\n") == HttpParse::bad);
  CHECK(parse("GET / HTTP/1.1\rHost: h") == HttpParse::bad);
  CHECK(parse("\r\n") == HttpParse::bad);
  CHECK(parse(std::string_view("\0", 1)) == HttpParse::bad);
}

TEST_CASE("a head may fill its limit and not a byte more") {
  std::string start = "GET / HTTP/1.1\r\nA: ", end = "\r\n\r\n";
  auto sized = [&](size_t size) {
    return start + std::string(size - start.size() - end.size(), 'x') + end;
  };
  CHECK(parse(sized(kMaxHttpHead)) == HttpParse::done);
  CHECK(parse(sized(kMaxHttpHead) + "behind") == HttpParse::done);
  CHECK(parse(sized(kMaxHttpHead + 1)) == HttpParse::too_large);
  CHECK(parse(sized(kMaxHttpHead + 1).substr(0, kMaxHttpHead)) == HttpParse::too_large);
  CHECK(parse(sized(kMaxHttpHead).substr(0, kMaxHttpHead - 1)) == HttpParse::need_more);
  CHECK(parse(std::string(kMaxHttpHead, 'x')) == HttpParse::too_large);

  std::string many = "GET / HTTP/1.1\r\n";
  for (size_t i = 0; i < kMaxHttpFields; ++i) many += "A: b\r\n";
  CHECK(parse(many + "\r\n") == HttpParse::done);
  CHECK(parse(many + "A: b\r\n\r\n") == HttpParse::too_large);
}

TEST_CASE("connections are kept as their version says") {
  auto keep = [](const std::string& version, const std::string& fields) {
    HttpHead head;
    size_t size = 0;
    std::string bytes = "GET / " + version + "\r\n" + fields + "\r\n";
    REQUIRE(parse_http_head(bytes, head, size) == HttpParse::done);
    return head.keep_alive();
  };
  CHECK(keep("HTTP/1.1", ""));
  CHECK_FALSE(keep("HTTP/1.1", "Connection: Close\r\n"));
  CHECK_FALSE(keep("HTTP/1.1", "Connection: x\r\nConnection: y, close\r\n"));
  CHECK_FALSE(keep("HTTP/1.0", ""));
  CHECK(keep("HTTP/1.0", "Connection: keep-alive\r\n"));
}

TEST_CASE("percent decoding") {
  using namespace std::string_literals;
  CHECK(percent_decode("") == ""s);
  CHECK(percent_decode("a+b%20c%2Fd%2f") == "a b c/d/"s);
  CHECK(percent_decode("%00%ff") == "\0\xff"s);
  for (const char* bad : {"%", "%1", "a%", "%zz", "%1g", "%%20"}) {
    CAPTURE(bad);
    CHECK_FALSE(percent_decode(bad));
  }
}

TEST_CASE("query strings") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  CHECK(parse_query("").empty());
  CHECK(parse_query("&&").empty());
  CHECK(parse_query("a=1&b=x%3D=y&c&=d&e=") ==
        Pairs{{"a", "1"}, {"b", "x==y"}, {"c", ""}, {"", "d"}, {"e", ""}});
  CHECK(parse_query("a=%zz&b=2&%=3&sort=a+b") == Pairs{{"b", "2"}, {"sort", "a b"}});
}
