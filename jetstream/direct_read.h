// DirectRead: the reading that one direct get asks for, done piece by piece, so that nobody waits
// long behind a large one and its answers never stand in memory all together. Asks the store, which
// may wait for the disk: for the DirectReader's thread.
#pragma once
#include <memory>
#include <vector>

#include "jetstream/api_types.h"
#include "jetstream/direct_answer.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class DirectRead {
 public:
  virtual ~DirectRead() = default;
  // Adds the next answers. False: that was all.
  virtual bool read(std::vector<DirectAnswer>& answers) = 0;
};

// Requires: the request was accepted. `max_bytes`: of one that does not say.
std::unique_ptr<DirectRead> direct_read(SetupRef stream, MessageGetRequest request,
                                        int64_t max_bytes);

// A message, or why there is none.
DirectAnswer direct_answer(const StreamSetup& stream, Result<store::StoredMessage> found,
                           bool no_headers);

}  // namespace pipit::js
