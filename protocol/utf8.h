// UTF-8, as strictly as Go reads it: no overlong forms, no surrogates, nothing past U+10FFFF.
#pragma once
#include <cstddef>
#include <string_view>

namespace pipit::proto {

// Bytes of the sequence at the front of `text`; 0 if there is no valid one. Requires: not empty.
size_t utf8_sequence_size(std::string_view text);

}  // namespace pipit::proto
