// What a parser makes of a stream, as text: one line an event, with every argument it has. Payloads
// that are awaited leave no line, so logs of different splits can be compared.
#pragma once
#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/parser.h"

namespace pipit::test {

using proto::Event;
using EventLog = std::vector<std::string>;

// What a parser may leave of a line: a verb, or arguments up to the limit and a '\r' behind them.
inline size_t most_kept(uint32_t max_control_line) {
  return std::max<size_t>(8, size_t{max_control_line} + 1);
}

inline void add_text(std::string& line, std::string_view text) {
  line += '|';
  line += text;
}

// The line of a PUB or HPUB, in this parser's log and the naive one's.
inline std::string publish_line(bool with_headers, std::string_view subject, std::string_view reply,
                                std::string_view header_size, std::string_view size,
                                std::string_view payload) {
  std::string line(with_headers ? "hpub" : "pub");
  for (const std::string_view text : {subject, reply, header_size, size, payload})
    add_text(line, text);
  return line;
}

inline std::string fault_line(proto::Fault fault) {
  return "fault|" + std::to_string(static_cast<int>(fault));
}

inline std::string describe(Event event, const proto::Parser& parser) {
  const proto::Args& args = parser.args();
  std::string line;
  switch (event) {
    case Event::connect:
    case Event::info:
      line = event == Event::connect ? "connect" : "info";
      add_text(line, args.json);
      return line;
    case Event::pub:
    case Event::hpub:
      line = publish_line(event == Event::hpub, args.subject, args.reply, args.header_size_text,
                          args.size_text, args.payload);
      if (args.payload.size() != args.size || args.header_size > args.size)
        add_text(line, "sizes differ");
      return line;
    case Event::sub:
      line = "sub";
      for (const std::string_view text : {args.subject, args.queue, args.sid}) add_text(line, text);
      return line;
    case Event::unsub:
      line = "unsub";
      add_text(line, args.sid);
      if (args.has_max) add_text(line, std::to_string(args.max));
      return line;
    case Event::err:
      line = "err";
      add_text(line, args.text);
      return line;
    case Event::ping:
      return "ping";
    case Event::pong:
      return "pong";
    case Event::ok:
      return "ok";
    case Event::fault:
      return fault_line(parser.fault());
    case Event::need_more:
      return "need_more";
    case Event::payload_pending:
      return "payload_pending";
  }
  return "no event";
}

// Shows `stream` in pieces of the size that `next_piece` asks for, given how much is left. Each
// time the bytes lie somewhere else, in a block of exactly their size. Ends at the first fault.
// What the parser promises about the bytes it leaves goes into the log where it is broken.
inline EventLog parse_in_pieces(std::string_view stream, uint32_t max_control_line,
                                const std::function<size_t(size_t left)>& next_piece) {
  EventLog log;
  proto::Parser parser(max_control_line);
  std::unique_ptr<char[]> block;
  std::string_view kept;
  while (!stream.empty()) {
    const size_t piece = std::clamp<size_t>(next_piece(stream.size()), 1, stream.size());
    const size_t size = kept.size() + piece;
    auto moved = std::make_unique<char[]>(size);
    if (!kept.empty()) std::memcpy(moved.get(), kept.data(), kept.size());
    std::memcpy(moved.get() + kept.size(), stream.data(), piece);
    block = std::move(moved);
    stream.remove_prefix(piece);
    kept = {block.get(), size};
    for (bool more = true; more;) {
      const Event event = parser.next(kept);
      switch (event) {
        case Event::fault:
          log.push_back(describe(event, parser));
          return log;
        case Event::need_more:
          if (kept.size() > most_kept(max_control_line)) log.emplace_back("too much is kept");
          more = false;
          break;
        case Event::payload_pending:
          if (parser.missing() == 0 || parser.operation_size() != kept.size() + parser.missing())
            log.emplace_back("missing and operation size differ");
          more = false;
          break;
        default:
          log.push_back(describe(event, parser));
      }
    }
  }
  return log;
}

inline EventLog parse_whole(std::string_view stream, uint32_t max_control_line = 4096) {
  return parse_in_pieces(stream, max_control_line, [](size_t left) { return left; });
}

}  // namespace pipit::test
