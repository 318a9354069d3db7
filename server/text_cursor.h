// TextCursor: writes texts behind each other into room that somebody made, and says where each lies.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocol/writer.h"

namespace pipit {

struct TextCursor {
  static constexpr size_t kMaxDigits = 20;

  char* at;

  std::string_view put(std::string_view text) {
    char* const begin = at;
    if (!text.empty()) std::memcpy(begin, text.data(), text.size());
    at += text.size();
    return {begin, text.size()};
  }
  std::string_view put_uint(uint64_t value) {
    char* const begin = at;
    at = proto::write_uint(begin, value);
    return {begin, static_cast<size_t>(at - begin)};
  }
};

}  // namespace pipit
