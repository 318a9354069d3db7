// Which messages a MSG.GET or DIRECT.GET means: by sequence, the last of a subject, the next of
// one, by time. Asks the store; any thread that may wait for the disk.
#pragma once
#include <string>
#include <vector>

#include "jetstream/api_types.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

// Subjects that `pattern` takes; empty: all. The pattern has to outlive the filter.
store::SubjectFilter filter_of(const std::string& pattern);

// One way to name a message, and not two that contradict each other.
bool is_lookup(const MessageGetRequest& request);
// Requires: is_lookup(). Errc::invalid_argument: there is none.
Result<store::StoredMessage> look_up(const StreamSetup& stream, const MessageGetRequest& request);
// The same for the first one of a batch, which a sequence alone need not have.
Result<store::StoredMessage> look_up_from(const StreamSetup& stream,
                                          const MessageGetRequest& request);

// How many messages from `seq` on the filter takes.
uint64_t count_from(const StreamSetup& stream, const store::SubjectFilter& filter, uint64_t seq);
// The last sequence, not before `from` and not behind `up_to`, of each subject that a pattern
// takes. False: they are more than `limit`.
bool last_of_each(const StreamSetup& stream, const std::vector<std::string>& patterns,
                  uint64_t from, uint64_t up_to, size_t limit, std::vector<uint64_t>& seqs);

}  // namespace pipit::js
