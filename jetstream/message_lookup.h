// Which messages a MSG.GET or DIRECT.GET means: by sequence, the last of a subject, the next of
// one, by time. Asks the store; any thread that may wait for the disk.
#pragma once
#include <string>

#include "jetstream/api_types.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

// Subjects that `pattern` takes; empty: all. The pattern has to outlive the filter.
store::SubjectFilter filter_of(const std::string& pattern);

// One way to name a message, and not two that contradict each other.
bool is_lookup(const MessageGetRequest& request);
// Where `seq` or `start_time` says to begin.
Result<uint64_t> first_of(const StreamSetup& stream, const MessageGetRequest& request);
// Requires: is_lookup(). Errc::invalid_argument: there is none.
Result<store::StoredMessage> look_up(const StreamSetup& stream, const MessageGetRequest& request);

// For whoever must not wait: Errc::timeout, it may have to wait for the disk.
Result<store::StoredMessage> look_up_now(const StreamSetup& stream,
                                         const MessageGetRequest& request);

}  // namespace pipit::js
