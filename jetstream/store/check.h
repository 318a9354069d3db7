// check: looks at every byte of a store's directory that nobody uses, and says what is wrong.
// Repair writes again what there is twice (a copy of the checkpoint, the index of a segment), marks
// messages that cannot be read as lost, and puts segments without a readable message aside. It
// never guesses, and no good record goes.
#pragma once
#include <string>
#include <vector>

#include "jetstream/store/vfs.h"

namespace pipit::js::store {

struct Finding {
  enum class Kind : uint8_t {
    note,        // nothing is wrong
    repairable,  // it is there twice
    loss,        // messages that cannot be read
  };
  Kind kind = Kind::note;
  std::string file, text;
  bool repaired = false;
};

struct CheckReport {
  uint64_t streams = 0, segments = 0, messages = 0, bytes = 0;  // read and found good
  std::vector<Finding> findings;

  bool sound() const;  // nothing is wrong (any more)
};

// Errc::io: there is no checkpoint to go by, and nothing was changed; Errc::not_built: it is of a
// later version. Requires: `vfs` is a directory with a store.
Result<CheckReport> check(Vfs& vfs, bool repair);

}  // namespace pipit::js::store
