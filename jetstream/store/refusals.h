// What the limits of a stream refuse, in the words of every store.
#pragma once
#include "jetstream/store/store.h"

namespace pipit::js::store {

inline Error refused(const char* why) { return {Errc::exhausted, 0, "store", why}; }
inline Error refused_for_subject() { return refused("maximum messages per subject exceeded"); }
inline Error no_such_stream() { return {Errc::invalid_argument, 0, "store", "stream not found"}; }
inline Error no_such_message() { return {Errc::invalid_argument, 0, "store", "no message found"}; }

inline Error not_the_last() {
  return {Errc::invalid_argument, 0, "store", "the last sequence is another one"};
}

inline bool too_many(const StreamSettings& limits, uint64_t messages) {
  return limits.max_msgs > 0 && messages > static_cast<uint64_t>(limits.max_msgs);
}
inline bool too_large(const StreamSettings& limits, uint64_t bytes) {
  return limits.max_bytes > 0 && bytes > static_cast<uint64_t>(limits.max_bytes);
}
// With what the stream would have then; for streams that refuse the newest.
inline Result<void> admits(const StreamSettings& limits, uint64_t messages, uint64_t bytes) {
  if (too_many(limits, messages)) return refused("maximum messages exceeded");
  if (too_large(limits, bytes)) return refused("maximum bytes exceeded");
  return {};
}

inline Result<void> check_subject(std::string_view subject) {
  if (subject.empty() || subject.size() > 0xffff)
    return Error{Errc::invalid_argument, 0, "store", "a subject has 1 to 65535 bytes"};
  return {};
}

inline Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > 0xffff)
    return Error{Errc::invalid_argument, 0, "store", "a stream's name has 1 to 65535 bytes"};
  return {};
}

}  // namespace pipit::js::store
