#include "jetstream/message_lookup.h"

#include "protocol/subject.h"

namespace pipit::js {
store::SubjectFilter filter_of(const std::string& pattern) {
  store::SubjectFilter filter;
  if (pattern.empty()) return filter;
  if (!proto::has_wildcard(pattern))
    filter.literal = pattern;
  else if (pattern != ">")
    filter.matches = [&pattern](std::string_view subject) {
      return proto::matches(pattern, subject);
    };
  return filter;
}

bool is_lookup(const MessageGetRequest& request) {
  const bool seq = request.seq > 0, last = !request.last_by_subject.empty();
  const bool next = !request.next_by_subject.empty(), time = request.start_time.has_value();
  if (last) return !seq && !next && !time;
  return (seq || next || time) && !(seq && time);
}

Result<uint64_t> first_of(const StreamSetup& stream, const MessageGetRequest& request) {
  if (!request.start_time) return request.seq;
  return stream.store->first_since(stream.id, request.start_time->wrapped_unix_ns());
}

Result<store::StoredMessage> look_up(const StreamSetup& stream, const MessageGetRequest& request) {
  if (const std::string& last = request.last_by_subject; !last.empty())
    return proto::has_wildcard(last) ? stream.store->last_match(stream.id, filter_of(last))
                                     : stream.store->last(stream.id, last);
  const auto from = first_of(stream, request);
  if (!from) return from.error();
  if (!request.next_by_subject.empty())
    return stream.store->next(stream.id, filter_of(request.next_by_subject), from.value());
  if (request.start_time) return stream.store->next(stream.id, {}, from.value());
  return stream.store->read(stream.id, from.value());
}

Result<store::StoredMessage> look_up_now(const StreamSetup& stream,
                                         const MessageGetRequest& request) {
  const bool by_seq = request.seq > 0 && request.next_by_subject.empty();
  if (by_seq) return stream.store->read_now(stream.id, request.seq);
  if (!request.last_by_subject.empty() && !proto::has_wildcard(request.last_by_subject))
    return stream.store->last_now(stream.id, request.last_by_subject);
  return Error{Errc::timeout, 0, "look_up", "it may have to wait for the disk"};
}

}  // namespace pipit::js
