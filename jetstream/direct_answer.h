// The bytes that direct gets are answered with. Pure functions.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "jetstream/store/store.h"

namespace pipit::js {

struct DirectAnswer {
  std::string headers, payload;
};

// Where a batch stands.
struct BatchPlace {
  uint64_t pending = 0;   // messages that are still to come
  uint64_t last_seq = 0;  // of the message before; 0: this is the first
};

// Appends the message's own headers and those that say what it is. `place`: of a batch, else null.
void append_direct_headers(std::string& out, std::string_view stream,
                           const store::StoredMessage& message, const BatchPlace* place);
// A header block with a status, "404 Message Not Found", and no fields.
std::string status_block(std::string_view status);
// Behind the last message of a batch. `up_to`: of one that asked for many subjects.
std::string end_of_batch(const BatchPlace& place, std::optional<uint64_t> up_to = {});

}  // namespace pipit::js
