#include "jetstream/message_lookup.h"

#include <algorithm>

#include "protocol/subject.h"

namespace pipit::js {

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

namespace {

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

namespace {

// Where a search by sequence or time begins.
Result<uint64_t> start_of(const StreamSetup& stream, const MessageGetRequest& request) {
  if (!request.start_time) return request.seq;
  return stream.store->first_since(stream.id, request.start_time->unix_ns());
}

}  // namespace

Result<store::StoredMessage> look_up(const StreamSetup& stream, const MessageGetRequest& request) {
  if (!request.last_by_subject.empty()) return last_of(stream, request.last_by_subject);
  if (request.next_by_subject.empty() && !request.start_time)
    return stream.store->read(stream.id, request.seq);
  return look_up_from(stream, request);
}

Result<store::StoredMessage> look_up_from(const StreamSetup& stream,
                                          const MessageGetRequest& request) {
  const auto from = start_of(stream, request);
  if (!from) return from.error();
  return stream.store->next(stream.id, filter_of(request.next_by_subject), from.value());
}

uint64_t count_from(const StreamSetup& stream, const store::SubjectFilter& filter, uint64_t seq) {
  const auto state = stream.store->state(stream.id);
  if (!state) return 0;
  const bool all = filter.literal.empty() && !filter.matches;
  uint64_t count = 0;
  if (seq <= state.value().first_seq) {
    if (all) return state.value().messages;
    (void)stream.store->subjects(stream.id, filter,
                                 [&](std::string_view, uint64_t of_it) { count += of_it; });
    return count;
  }
  for (auto next = stream.store->next(stream.id, filter, seq); next;
       next = stream.store->next(stream.id, filter, next.value().seq + 1))
    ++count;
  return count;
}

bool last_of_each(const StreamSetup& stream, const std::vector<std::string>& patterns,
                  uint64_t from, uint64_t up_to, size_t limit, std::vector<uint64_t>& seqs) {
  store::SubjectFilter any;
  any.matches = [&](std::string_view subject) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      return proto::matches(pattern, subject);
    });
  };
  std::vector<std::string> names;
  (void)stream.store->subjects(stream.id, any, [&](std::string_view name, uint64_t) {
    if (names.size() <= limit) names.emplace_back(name);
  });
  if (names.size() > limit) return false;
  for (const std::string& name : names) {
    const auto newest = stream.store->find_last(stream.id, name);
    uint64_t seq = newest ? newest.value() : 0;
    if (seq > up_to) {
      const store::SubjectFilter one = filter_of(name);
      seq = 0;
      for (auto next = stream.store->next(stream.id, one, 0); next && next.value().seq <= up_to;
           next = stream.store->next(stream.id, one, seq + 1))
        seq = next.value().seq;
    }
    if (seq > 0 && seq >= from) seqs.push_back(seq);
  }
  return true;
}

}  // namespace pipit::js
