// Proves that the parser gives the same events however a stream is split, and that they are those
// of a naive parser. Streams: recordings in the manner of real clients, lists of odd and wrong
// lines, and random ones. Each is shown whole, byte by byte, cut once at every place, and in
// random pieces; the bytes move between the pieces.
#include <doctest/doctest.h>

#include <random>
#include <utility>

#include "tests/protocol/naive_parser.h"

using namespace pipit::test;
using namespace std::string_literals;

namespace {

std::string payload(size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text += static_cast<char>(i * 31 + 7);
  return text;
}

std::vector<std::string> real_streams() {
  return {
      // JavaScript, connecting.
      "CONNECT {\"protocol\":1,\"version\":\"3.0.2\",\"lang\":\"nats.js\",\"verbose\":false,"
      "\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\nPING\r\n",
      // C: subscribe, request with a muxed inbox, unsubscribe after some.
      "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":false,\"name\":\"\","
      "\"lang\":\"C\",\"version\":\"3.3.0\",\"protocol\":1,\"echo\":true,\"headers\":true,"
      "\"no_responders\":true}\r\nPING\r\nSUB _INBOX.Ur7xhGzYBQF9CaFHy4RbFM.*  1\r\n"
      "PUB help _INBOX.Ur7xhGzYBQF9CaFHy4RbFM.0 4\r\nping\r\nSUB foo workers 2\r\nUNSUB 2 10\r\n"
      "UNSUB 2 \r\nPONG\r\n",
      // Go: headers, empty payloads.
      "SUB orders.> 7\r\nHPUB orders.new 34 39\r\nNATS/1.0\r\nNats-Msg-Id: 1234567\r\n\r\nhello\r\n"
      "PUB orders.done 0\r\n\r\nHPUB a b 12 12\r\nNATS/1.0\r\n\r\n\r\nPING\r\nPONG\r\n",
      "PUB bytes 300\r\n" + payload(300) + "\r\nPUB bytes 2\r\n\r\n\r\nPUB x y 1\r\nz\r\n",
  };
}

std::vector<std::string> odd_streams() {
  std::vector<std::string> streams{
      "ping\r\nPiNg\npongxyz\r\n+ok\n+OKAY then\r\nPING \t\r\n",
      "sub\tfoo\t1\n\tSUB a 1\r\n",
      "SUB  foo \t bar\t 1  \r\nSUB foo\r1\r\nSUB \rfoo 1\r\r\nUNSUB 1\r2\n",
      "CONNECT{}\r\nCONNECT   {}\n CONNECT {}\r\n",
      "CONNECT\r\nCONNECT \t\nINFO {}\ninfo{}\r\nINFO\n",
      "-ERR 'so it goes'\r\n-err\tx\n-ERR \r\n",
      "PUB a 007\r\n1234567\r\nPUB\ta\tb\t3\t\nabc\r\n",
      "HPUB a 0 2\r\nhi\r\nHPUB a b 002 02\r\nhi\r\nHPUB 1 2 3 3\r\nabc\r\n",
      "PUB 1 2 3\r\nabc\r\nPUB 5 1\r\nx\r\n",
      "pub a 1\r\nx\r\nPub a 1\nx\r\nhPuB a 1 1\r\nx\r\n",
      "UNSUB 1 abc\r\nUNSUB 1 -1\r\nUNSUB 1 1234567890\r\nUNSUB 1 0\r\nUNSUB 1 999999999\r\n",
      "PUB a\rb 1\r\nx\r\nPUB a 1\r\r\nx\r\n",
      "PUB a\0b 1\r\nx\r\nPUB \x01 1\r\nx\r\nSUB \xff\xfe 1\r\n"s,
      "PUB\0a 1\r\nx\r\n"s,
      "\r\n",
      "GET / HTTP/1.1\r\n",
      "HMSG a 1 0 0\r\n\r\n",
      "MSG a 1 0\r\n",
      "PI\r\n",
      "PUBX",
      "SUBx",
      "UNSUB\r\n",
      "PUB\n",
      "-ERR\r\n",
      "+O+\r\n",
      "-E",
      "HP",
      "PU PUB a 0\r\n\r\n",
      "PUB \r\n",
      "PUB a\r\n",
      "PUB a b c 1\r\nx\r\n",
      "PUB a b c d e f 1\r\n",
      "PUB a -1\r\n",
      "PUB a +1\r\n",
      "PUB a 1x\r\n",
      "PUB a x1\r\n",
      "PUB a b x\r\n",
      "PUB a 0x1\r\n",
      "PUB a 1234567890\r\n",
      "PUB a 0000000001\r\n",
      "PUB a 99999999999999999999999999\r\n",
      "PUB a 18446744073709551617\r\nx\r\n",
      "PUB a 4294967297\r\nx\r\n",
      "HPUB a 1\r\n",
      "HPUB a 3 2\r\nabc\r\n",
      "HPUB a -1 2\r\n",
      "HPUB a 1 -2\r\n",
      "HPUB a 1234567890 1\r\n",
      "HPUB a 1 1234567890\r\n",
      "HPUB a b c 1 1\r\nx\r\n",
      "HPUB a 0 4294967297\r\nx\r\n",
      "HPUBa 0 1\r\n",
      "HPUB\ta\t0\t1\r\nx\r\n",
      "SUB \r\n",
      "SUB a\r\n",
      "SUB a b c d\r\n",
      "UNSUB \r\n",
      "UNSUB 1 2 3\r\n",
      "PUB a 2\r\nhi\n",
      "PUB a 2\r\nhey\r\n",
      "PUB a 3\r\nhi\r\nPING\r\n",
      "PUB a 0\r\nx",
      "PUB a 1\r\nx\rx",
      "PUB a 1\r\nx\r",
      "PUB a 1\r\nx",
      "PUB  \t a 1\r\nx\r\n",
      "PUB a 1 \r\nx\r\n",
      "PUB a  1\r\nx\r\n",
      // Bytes behind a line end that look like one of the parser's fast ways.
      "PUB a \r\n",
      "PUB a b \r\n",
      "HPUB a 1 \r\n",
      "PUB abcdefghijk 1\r",
  };
  streams.push_back("SUB " + std::string(3000, ' ') + "a 1\r\nPING" + std::string(3000, 'x') +
                    "\r\n");
  return streams;
}

// All events of `stream`, the same for each way to split it.
void check_every_split(const std::string& stream, uint32_t max_control_line = 4096) {
  CAPTURE(stream);
  const EventLog expected = parse_naively(stream, max_control_line);
  CHECK(parse_whole(stream, max_control_line) == expected);
  CHECK(parse_in_pieces(stream, max_control_line, [](size_t) { return 1; }) == expected);
  for (size_t cut = 1; cut < stream.size(); ++cut) {
    CAPTURE(cut);
    bool first = true;
    const auto log = parse_in_pieces(stream, max_control_line, [&](size_t left) {
      return std::exchange(first, false) ? cut : left;
    });
    if (log != expected) CHECK(log == expected);  // CHECK is slow where nothing is wrong
  }
}

// Streams of verbs, words and line ends, mostly well formed.
class StreamMaker {
 public:
  explicit StreamMaker(uint32_t seed) : random_(seed) {}

  std::string make() {
    std::string stream;
    for (size_t lines = pick(6) + 1; lines > 0; --lines) add_operation(stream);
    while (pick(3) == 0) mutate(stream);
    return stream;
  }
  size_t pick(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

 private:
  std::string one_of(std::initializer_list<const char*> list) {
    return list.begin()[pick(list.size())];
  }
  std::string blank() { return pick(8) == 0 ? one_of({"\t", "  ", " \t ", "\r", ""}) : " "; }
  std::string line_end() { return pick(8) == 0 ? one_of({"\n", "\r\r\n", " \r\n", "\r"}) : "\r\n"; }
  std::string word() {
    return one_of({"a", "foo.bar", "_INBOX.abcdefgh.ijkl", "1", "22", "*", "foo.>", "abcdefg",
                   "abcdefgh", "abcdefghi", "0", "a\rb", "\xC3\xA9"});
  }

  void add_operation(std::string& out) {
    switch (pick(6)) {
      case 0:
        out += one_of({"PING", "PONG", "+OK", "ping", "PINGxyz", "-ERR 'x'", "INFO {}",
                       "CONNECT {\"verbose\":false}"}) +
               line_end();
        return;
      case 1:
        out += one_of({"SUB", "sub", "UNSUB"});
        for (size_t words = pick(4) + 1; words > 0; --words) out += blank() + word();
        out += line_end();
        return;
      default:
        add_publish(out, pick(3) == 0);
    }
  }

  void add_publish(std::string& out, bool with_headers) {
    const size_t size = pick(4) == 0 ? pick(100) : pick(12);
    out += with_headers ? one_of({"HPUB", "hpub"}) : one_of({"PUB", "pub", "Pub"});
    out += blank() + word();
    if (pick(3) == 0) out += blank() + word();
    if (with_headers) out += blank() + std::to_string(pick(size + 2));
    out += blank() + (pick(6) == 0 ? "00" : "") + std::to_string(size) + line_end();
    out += payload(pick(20) == 0 ? size + pick(3) : size);
    out += pick(20) == 0 ? one_of({"\n", "\r", "", "\r\r\n"}) : "\r\n";
  }

  void mutate(std::string& stream) {
    if (stream.empty()) return;
    const size_t at = pick(stream.size());
    switch (pick(3)) {
      case 0:
        stream.erase(at, 1);
        return;
      case 1:
        stream.insert(at, one_of({" ", "\r", "\n", "x", "9", "\t", "-"}));
        return;
      default:
        stream[at] = static_cast<char>(pick(256));
    }
  }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("streams of real clients parse alike however they are split") {
  for (const std::string& stream : real_streams()) {
    CHECK(!parse_whole(stream).empty());
    check_every_split(stream);
  }
}

TEST_CASE("odd and wrong lines parse alike however they are split") {
  for (const std::string& stream : odd_streams()) check_every_split(stream);
}

TEST_CASE("a control line may be as long as the limit and not a byte longer") {
  for (size_t size = 0; size <= 20; ++size) {
    const std::string subject(size, 'a');
    for (const char* rest : {" 1\r\n", " 1\n", " 1", " 1\r", " 1\r\r\n", "", "\r", " 1  \r\n"}) {
      check_every_split("SUB " + subject + rest, 12);
      check_every_split("PUB " + subject + rest + "x\r\nPING\r\n", 12);
      check_every_split("CONNECT" + subject + rest, 12);
    }
  }
}

TEST_CASE("random streams give a naive parser's events in any pieces") {
  StreamMaker maker(20240);
  size_t events = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::string stream = maker.make();
    const uint32_t limit = maker.pick(4) == 0 ? 24 : 4096;
    const EventLog expected = parse_naively(stream, limit);
    events += expected.size();
    const EventLog whole = parse_whole(stream, limit);
    const EventLog pieces =
        parse_in_pieces(stream, limit, [&](size_t) { return maker.pick(9) + 1; });
    if (whole == expected && pieces == expected) continue;
    CAPTURE(round);
    CAPTURE(stream);
    CHECK(whole == expected);
    CHECK(pieces == expected);
  }
  CHECK(events > 6000);  // else the streams are too wrong to prove much
}
