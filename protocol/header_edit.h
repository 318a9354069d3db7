// Header blocks that the broker changes before it stores or sends them. A block that has no line
// left becomes empty, as a message without headers has it; an empty one is begun. Lines that stay
// keep their bytes and their order. Names are matched exactly.
#pragma once
#include <string>
#include <string_view>

namespace pipit::proto {

// Behind what is there.
void append_header(std::string& block, std::string_view name, std::string_view value);
// In the place of the first line of that name, else appended.
void set_header(std::string& block, std::string_view name, std::string_view value);
// Every line of that name.
void remove_header(std::string& block, std::string_view name);
// Every line whose name begins so.
void remove_headers_beginning(std::string& block, std::string_view prefix);

}  // namespace pipit::proto
