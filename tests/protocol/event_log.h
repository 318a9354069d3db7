// What a parser makes of a stream, as text: one line an event, with every argument it has. Payloads
// that are awaited leave no line, so logs of different splits can be compared.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/parser.h"

namespace pipit::test {

using EventLog = std::vector<std::string>;

// Lines of both this parser's log and the naive one's.
std::string publish_line(bool with_headers, std::string_view subject, std::string_view reply,
                         std::string_view header_size, std::string_view size,
                         std::string_view payload);
std::string fault_line(proto::Fault fault);
std::string describe(proto::Event event, const proto::Parser& parser);

// Shows `stream` in pieces of the size that `next_piece` asks for, given how much is left. Each
// time the bytes lie somewhere else, in a block of exactly their size. Ends at the first fault.
// What the parser promises about the bytes it leaves goes into the log where it is broken.
EventLog parse_in_pieces(std::string_view stream, uint32_t max_control_line,
                         const std::function<size_t(size_t left)>& next_piece);
EventLog parse_whole(std::string_view stream, uint32_t max_control_line = 4096);

}  // namespace pipit::test
