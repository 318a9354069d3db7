// Proves what the parser promises beside its events: views into the caller's bytes, what is missing
// of a payload, faults at their first byte, and work that grows no faster than the stream.
#include "protocol/parser.h"

#include <doctest/doctest.h>

#include <string>

using namespace pipit::proto;

TEST_CASE("arguments and payload are views into the caller's bytes") {
  const std::string stream = "HPUB subject reply 4 9\r\nheadbody!\r\nPING\r\n";
  std::string_view bytes = stream;
  Parser parser;
  REQUIRE(parser.next(bytes) == Event::hpub);
  const Args& args = parser.args();
  CHECK(args.subject.data() == stream.data() + 5);
  CHECK(args.reply.data() == stream.data() + 13);
  CHECK(args.header_size_text.data() == stream.data() + 19);
  CHECK(args.size_text.data() == stream.data() + 21);
  CHECK(args.payload.data() == stream.data() + 24);
  CHECK(args.payload == "headbody!");
  CHECK(args.header_size == 4);
  CHECK(args.size == 9);
  CHECK(bytes == "PING\r\n");
}

TEST_CASE("a pending payload shows its line and what is missing, and keeps its bytes") {
  const std::string stream = "PUB subject reply 5\r\nhello\r\n";
  Parser parser;
  const size_t line = stream.find('\n') + 1;
  for (size_t size = line; size < stream.size(); ++size) {
    const std::string moved = stream.substr(0, size);
    std::string_view bytes = moved;
    REQUIRE(parser.next(bytes) == Event::payload_pending);
    CHECK(bytes.size() == size);
    CHECK(parser.missing() == stream.size() - size);
    CHECK(parser.operation_size() == stream.size());
    CHECK(parser.args().subject == "subject");
    CHECK(parser.args().subject.data() == moved.data() + 4);
    CHECK(parser.args().reply == "reply");
    CHECK(parser.args().size == 5);
  }
  std::string_view bytes = stream;
  REQUIRE(parser.next(bytes) == Event::pub);
  CHECK(parser.args().payload == "hello");
}

TEST_CASE("a huge payload is announced by its line alone") {
  std::string_view bytes = "PUB a 999999999\r\n";
  Parser parser;
  REQUIRE(parser.next(bytes) == Event::payload_pending);
  CHECK(parser.args().size == 999'999'999);
  CHECK(parser.missing() == 999'999'999 + 2);
}

TEST_CASE("an unknown verb is told at its first wrong byte") {
  struct Case {
    std::string_view fine, wrong;
  };
  for (const Case& c :
       {Case{"", "X"},   {"", "\r"},     {"", "\n"},   {"", " "},     {"", "M"},
        {"P", "X"},      {"PU", "X"},    {"PUB", "X"}, {"PUB", "\r"}, {"PI", "X"},
        {"H", "M"},      {"HPUB", "\n"}, {"SU", " "},  {"SUB", "\r"}, {"UNSUB", "1"},
        {"CONNEC", " "}, {"INF", " "},   {"+O", "X"},  {"-", "O"},    {"-ERR", "\r"},
        {"-ERR", "S"}}) {
    CAPTURE(c.fine);
    CAPTURE(c.wrong);
    Parser parser;
    std::string_view bytes = c.fine;
    CHECK(parser.next(bytes) == Event::need_more);
    const std::string both = std::string(c.fine) + std::string(c.wrong);
    bytes = both;
    CHECK(parser.next(bytes) == Event::fault);
    CHECK(parser.fault() == Fault::unknown_operation);
    CHECK(parser.args().size == 0);
  }
}

TEST_CASE("a wrong end of a payload is told at its first byte and leaves the line in sight") {
  for (const char* tail : {"x", "\n", "\rx", "\r\r"}) {
    CAPTURE(tail);
    const std::string stream = std::string("PUB a 3\r\nabc") + tail;
    std::string_view bytes = stream;
    Parser parser;
    CHECK(parser.next(bytes) == Event::fault);
    CHECK(parser.fault() == Fault::unknown_operation);
    CHECK(parser.args().size == 3);
    CHECK(parser.args().subject == "a");
    CHECK(parser.next(bytes) == Event::fault);
  }
}

TEST_CASE("a line over the limit is told before it ends") {
  Parser parser(10);
  std::string_view bytes = "SUB 1234567890";
  CHECK(parser.next(bytes) == Event::need_more);
  std::string kept = std::string(bytes) + "\r";
  bytes = kept;
  CHECK(parser.next(bytes) == Event::need_more);
  kept = std::string(bytes) + "x";
  bytes = kept;
  CHECK(parser.next(bytes) == Event::fault);
  CHECK(parser.fault() == Fault::control_line_exceeded);
}

TEST_CASE("after a fault nothing but the fault comes") {
  Parser parser;
  std::string_view bytes = "SUB a\r\nPING\r\n";
  CHECK(parser.next(bytes) == Event::fault);
  CHECK(parser.fault() == Fault::bad_arguments);
  bytes = "PING\r\n";
  CHECK(parser.next(bytes) == Event::fault);
  CHECK(parser.fault() == Fault::bad_arguments);
}

TEST_CASE("a raised limit holds from the next line on") {
  Parser parser(10);
  parser.set_max_control_line(2000);
  const std::string line = "SUB " + std::string(1000, 'a') + " 1\r\n";
  std::string_view bytes = line;
  CHECK(parser.next(bytes) == Event::sub);
}

TEST_CASE("blanks and ignored text are dropped as they come, however many") {
  Parser parser(64);
  const std::string blanks(1000, ' ');
  std::string_view bytes = "PUB ";
  CHECK(parser.next(bytes) == Event::need_more);
  for (int i = 0; i < 1000; ++i) {
    bytes = blanks;
    REQUIRE(parser.next(bytes) == Event::need_more);
    REQUIRE(bytes.empty());
  }
  bytes = "a 0\r\n\r\n";
  CHECK(parser.next(bytes) == Event::pub);
  CHECK(parser.args().subject == "a");

  bytes = "PING";
  CHECK(parser.next(bytes) == Event::need_more);
  const std::string noise(1000, 'x');
  for (int i = 0; i < 1000; ++i) {
    bytes = noise;
    REQUIRE(parser.next(bytes) == Event::need_more);
    REQUIRE(bytes.empty());
  }
  bytes = "\n";
  CHECK(parser.next(bytes) == Event::ping);
}
