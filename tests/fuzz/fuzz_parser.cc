// Client protocol from strangers: the parser says what a naive one says, whole and in pieces, and
// what it hands on (CONNECT's JSON, header blocks, subjects) crashes nobody.
#include <cstdlib>

#include "protocol/connect_info.h"
#include "protocol/headers.h"
#include "protocol/subject.h"
#include "tests/protocol/naive_parser.h"

using namespace pipit;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

// Pieces of 1 to 16 bytes, decided by the bytes themselves: a finding replays.
class Pieces {
 public:
  explicit Pieces(std::string_view bytes) {
    for (const char c : bytes) state_ = (state_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
  }
  size_t operator()(size_t) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 60) + 1;
  }

 private:
  uint64_t state_ = 14695981039346656037u;
};

void compare(std::string_view stream, uint32_t max_control_line) {
  const test::EventLog expected = test::parse_naively(stream, max_control_line);
  require(test::parse_whole(stream, max_control_line) == expected);
  require(test::parse_in_pieces(stream, max_control_line, Pieces(stream)) == expected);
  if (stream.size() > 512) return;  // the bytes are moved for each piece
  require(test::parse_in_pieces(stream, max_control_line, [](size_t) { return 1; }) == expected);
}

void use_subject(std::string_view subject) {
  proto::Tokens tokens;
  const bool whole = tokens.split(subject);
  require(!whole || tokens.size() == proto::count_tokens(subject));
  require(whole == proto::matches(">", subject));
  require(!proto::is_valid_literal(subject) || proto::matches(subject, subject));
  require(proto::is_valid_subject(subject) == proto::collide(subject, subject));
}

void use_events(std::string_view stream) {
  static proto::ConnectParser json;
  proto::Parser parser;
  for (;;) {
    const proto::Event event = parser.next(stream);
    const proto::Args& args = parser.args();
    switch (event) {
      case proto::Event::need_more:
      case proto::Event::payload_pending:
      case proto::Event::fault:
        return;
      case proto::Event::connect:
        if (json.parse(args.json)) require(json.is_json(args.json));
        break;
      case proto::Event::info:
        json.is_json(args.json);
        break;
      case proto::Event::hpub: {
        const std::string_view block = args.payload.substr(0, args.header_size);
        proto::header_status(block);
        proto::header_value(block, args.subject);
        [[fallthrough]];
      }
      case proto::Event::pub:
      case proto::Event::sub:
        use_subject(args.subject);
        break;
      default:
        break;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  compare(stream, 4096);
  compare(stream, 24);
  use_events(stream);
  return 0;
}
