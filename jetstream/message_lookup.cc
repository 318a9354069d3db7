#include "jetstream/message_lookup.h"

#include "protocol/subject.h"

namespace pipit::js {
namespace {

store::SubjectFilter filter_of(const std::string& pattern) {
  store::SubjectFilter filter;
  if (!proto::has_wildcard(pattern))
    filter.literal = pattern;
  else if (pattern != ">")
    filter.matches = [&pattern](std::string_view subject) {
      return proto::matches(pattern, subject);
    };
  return filter;
}

// The newest of all subjects that the pattern takes.
Result<store::StoredMessage> last_of(const StreamSetup& stream, const std::string& pattern) {
  if (!proto::has_wildcard(pattern)) return stream.store->last(stream.id, pattern);
  uint64_t newest = 0;
  std::string of;
  std::vector<std::string> names;
  const auto listed = stream.store->subjects(
      stream.id, filter_of(pattern),
      [&](std::string_view subject, uint64_t) { names.emplace_back(subject); });
  if (!listed) return listed.error();
  for (const std::string& name : names) {
    const auto last = stream.store->find_last(stream.id, name);
    if (last && last.value() > newest) {
      newest = last.value();
      of = name;
    }
  }
  if (newest == 0) return Error{Errc::invalid_argument, 0, "look_up", "no message found"};
  return stream.store->last(stream.id, of);
}

}  // namespace

bool is_lookup(const MessageGetRequest& request) {
  const bool seq = request.seq > 0, last = !request.last_by_subject.empty();
  const bool next = !request.next_by_subject.empty(), time = request.start_time.has_value();
  if (last) return !seq && !next && !time;
  return (seq || next || time) && !(seq && time);
}

Result<store::StoredMessage> look_up(const StreamSetup& stream, const MessageGetRequest& request) {
  if (!request.last_by_subject.empty()) return last_of(stream, request.last_by_subject);
  uint64_t from = request.seq;
  if (request.start_time) {
    const auto first = stream.store->first_since(stream.id, request.start_time->unix_ns());
    if (!first) return first.error();
    from = first.value();
  }
  if (!request.next_by_subject.empty())
    return stream.store->next(stream.id, filter_of(request.next_by_subject), from);
  if (request.start_time) return stream.store->next(stream.id, {}, from);
  return stream.store->read(stream.id, from);
}

}  // namespace pipit::js
