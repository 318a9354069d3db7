#include "jetstream/batch_checks.h"

namespace pipit::js {

using Header = PublishHeader;

std::optional<ApiError> BatchSoFar::before(const PublishHeaders& asks, std::string_view subject,
                                           uint64_t last_seq) const {
  if (!asks[Header::expected_last_msg_id].empty())
    return api_error(JsErr::atomic_unsupported_header, "Nats-Expected-Last-Msg-Id");
  if (ids_.contains(asks[Header::msg_id])) return api_error(JsErr::atomic_duplicate_id);
  if (!asks[Header::expected_last_subject_seq].empty()) {
    const std::string_view other = asks[Header::expected_last_subject_seq_subject];
    if (subjects_.contains(other.empty() ? subject : other))
      return api_error(JsErr::wrong_last_sequence_constant);
  }
  // Only the first message may expect the stream's last sequence.
  if (count_ > 0 && !asks[Header::expected_last_seq].empty()) {
    if (asks.number(Header::expected_last_seq) == last_seq + count_)
      return api_error(JsErr::wrong_last_sequence_constant);
    return api_error(JsErr::wrong_last_sequence, std::to_string(last_seq + count_));
  }
  return std::nullopt;
}

std::optional<ApiError> BatchSoFar::after(const Publish& publish) {
  if (publish.rollup == Publish::Rollup::subject && subjects_.contains(publish.subject))
    return api_error(JsErr::rollup_failed, "batch rollup sub invalid");
  if (publish.rollup == Publish::Rollup::all && count_ > 0)
    return api_error(JsErr::rollup_failed, "batch rollup all invalid");
  ++count_;
  subjects_.emplace(publish.subject);
  if (!publish.id.empty()) ids_.emplace(publish.id);
  if (publish.counter) counters_.insert_or_assign(std::string(publish.subject), *publish.counter);
  return std::nullopt;
}

const CounterState* BatchSoFar::counter(std::string_view subject) const {
  const auto found = counters_.find(subject);
  return found == counters_.end() ? nullptr : &found->second;
}

}  // namespace pipit::js
