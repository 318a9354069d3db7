// Copies: messages of another stream, handed to the one that mirrors or sources it, a batch at a
// time, and what became of them. Plain values.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "jetstream/store/store.h"

namespace pipit::js {

struct Copies {
  std::vector<store::StoredMessage>
      messages;  // as they are to be stored, with their origin's `seq`
  // For a mirror: its last sequence as it should be, and up to where there is nothing before the
  // first message (0: nothing is skipped).
  uint64_t last_seq = 0, skip_to = 0;
};

struct CopyOutcome {
  size_t taken = 0;              // from the front; what was there already counts
  store::Ticket through = 0;     // what was taken is safe when this is
  uint64_t last_seq = 0;         // of a mirror, now
  bool moved = false;            // a mirror's last sequence is another one
  std::optional<Error> refused;  // why the next one was not taken
};

}  // namespace pipit::js
