// The client protocol once more, one byte at a time and with no thought of speed: what the parser
// is compared with.
#pragma once
#include "tests/protocol/event_log.h"

namespace pipit::test {

EventLog parse_naively(std::string_view stream, uint32_t max_control_line = 4096);

}  // namespace pipit::test
