// Message: one publish on its way, as views. They point into the bytes that the publisher's PUB or
// HPUB landed in; whoever keeps a Message keeps those bytes.
#pragma once
#include <cstdint>
#include <string_view>

namespace pipit::proto {

struct Message {
  std::string_view subject, reply;
  std::string_view size_text, header_size_text;  // as the publisher wrote them: "007" stays "007"
  std::string_view payload;                      // header block included, no CRLF behind
  uint32_t header_size = 0;                      // 0: PUB
  // Of a program that hands its bytes over: the header block lies here and `payload` is the body.
  const char* block_apart = nullptr;

  std::string_view headers() const {
    return {block_apart != nullptr ? block_apart : payload.data(), header_size};
  }
  std::string_view body() const {
    return block_apart != nullptr ? payload : payload.substr(header_size);
  }
};

}  // namespace pipit::proto
