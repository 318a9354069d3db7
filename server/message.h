// Message: one publish on its way, as views. They point into the slab that the publisher's bytes
// landed in; whoever keeps a Message keeps a reference to that slab.
#pragma once
#include <cstdint>
#include <string_view>

namespace pipit {

struct Message {
  std::string_view subject, reply;
  std::string_view size_text, header_size_text;  // as the publisher wrote them
  std::string_view payload;                      // header block included
  uint32_t header_size = 0;                      // 0: PUB

  std::string_view body() const { return payload.substr(header_size); }
};

}  // namespace pipit
