// What a stream publishes again when it has stored a message: the copy's subject and headers. A
// pure function.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "jetstream/stream_setup.h"

namespace pipit::js {

struct StoredPlace {
  uint64_t seq = 0, last_seq = 0;  // of the message; of the one before it on its subject
  int64_t ts_ns = 0;
};

// The original headers with those of the stream behind them. `headers_only` adds the size of the
// payload, which is left out.
std::string republish_headers(std::string_view stream, std::string_view subject,
                              std::string_view headers, size_t payload_size, bool headers_only,
                              const StoredPlace& place);

}  // namespace pipit::js
