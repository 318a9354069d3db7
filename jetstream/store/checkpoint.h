// Checkpoints: a State on the disk, twice. Both copies say the same once a save has returned; each
// is written beside its predecessor and renamed over it, and the second only when the first is
// safe. A damaged copy is a reason to read the other; two damaged ones are a reason to stop, never
// to guess.
#pragma once
#include <optional>
#include <string>

#include "jetstream/store/vfs.h"

namespace pipit::js::store {

struct Checkpoint {
  uint64_t generation = 0;
  std::string body;
};

std::string encode_checkpoint(const Checkpoint& checkpoint);
enum class CheckpointVerdict : uint8_t { good, damaged, newer };
CheckpointVerdict decode_checkpoint(std::string_view bytes, Checkpoint& checkpoint);

Result<void> save_checkpoint(Vfs& vfs, const Checkpoint& checkpoint);

struct LoadedCheckpoint {
  std::optional<Checkpoint> checkpoint;  // the newer one that is good
  uint32_t copies = 0;                   // that exist
  uint32_t damaged = 0;                  // of them
};
// Fails if a copy was written by a later version, or if there are copies and none is good.
Result<LoadedCheckpoint> load_checkpoint(Vfs& vfs);

}  // namespace pipit::js::store
