#include "jetstream/direct_request.h"

#include "jetstream/required_level.h"

namespace pipit::js {
namespace {

constexpr std::string_view kLevel = "412 Required Api Level", kEmpty = "408 Empty Request",
                           kMalformed = "408 Malformed Request", kBad = "408 Bad Request";

bool asks_for_nothing(const MessageGetRequest& r) {
  return r.seq == 0 && r.last_by_subject.empty() && r.next_by_subject.empty() && !r.start_time &&
         r.multi_last.empty();
}

bool contradicts_itself(const MessageGetRequest& r) {
  const bool seq = r.seq > 0, last = !r.last_by_subject.empty(), next = !r.next_by_subject.empty();
  const bool time = r.start_time.has_value(), multi = !r.multi_last.empty();
  return (last && (seq || next || time || multi || r.batch > 0)) || (seq && time) ||
         (multi && next) || (r.up_to_seq > 0 && r.up_to_time);
}

}  // namespace

std::string_view read_direct_request(std::string_view key, std::string_view headers,
                                     std::string_view body, MessageGetRequest& out) {
  if (requires_higher_level(headers)) return kLevel;
  if (body.empty() && key.empty()) return kEmpty;
  // Fields that nobody knows are passed over here, also by a server that is strict.
  const bool blank = body.find_first_not_of(" \t\r\n") == std::string_view::npos;
  if (!body.empty() && (blank || !read_body(body, false, out).empty())) return kMalformed;
  if (key.empty()) {
    if (asks_for_nothing(out)) return kEmpty;
    return contradicts_itself(out) ? kBad : std::string_view();
  }
  if (!asks_for_nothing(out) || out.batch != 0 || out.up_to_seq > 0 || out.up_to_time) return kBad;
  out.last_by_subject = key;
  return {};
}

}  // namespace pipit::js
