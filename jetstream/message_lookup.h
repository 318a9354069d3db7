// Which message a MSG.GET or DIRECT.GET means: by sequence, the last of a subject, the next of one,
// by time. Asks the store; any thread that may wait for the disk.
#pragma once
#include "jetstream/api_types.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

// One way to name a message, and not two that contradict each other.
bool is_lookup(const MessageGetRequest& request);
// Requires: is_lookup(). Errc::invalid_argument: there is none.
Result<store::StoredMessage> look_up(const StreamSetup& stream, const MessageGetRequest& request);

}  // namespace pipit::js
