#include "jetstream/ingest.h"

#include <algorithm>
#include <vector>

#include "jetstream/message_ttl.h"
#include "protocol/header_edit.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

using Header = PublishHeader;

constexpr int64_t kSecondNs = 1'000'000'000;

Verdict refused(JsErr error, std::initializer_list<std::string_view> values = {}) {
  Verdict verdict;
  verdict.kind = Verdict::Kind::refused;
  verdict.error = api_error(error, values);
  return verdict;
}

Verdict wrong_last_sequence(uint64_t actual) {
  return refused(JsErr::wrong_last_sequence, {std::to_string(actual)});
}

uint64_t last_seq_of(const StreamSetup& setup) {
  const auto state = setup.store->state(setup.id);
  return state ? state.value().last_seq : 0;
}

// Of a subject, which may be a pattern.
uint64_t last_seq_on(const StreamSetup& setup, std::string_view subject) {
  if (!proto::has_wildcard(subject)) {
    const auto last = setup.store->find_last(setup.id, subject);
    return last ? last.value() : 0;
  }
  store::SubjectFilter filter;
  filter.matches = [subject](std::string_view other) { return proto::matches(subject, other); };
  std::vector<std::string> names;
  (void)setup.store->subjects(setup.id, filter,
                              [&](std::string_view name, uint64_t) { names.emplace_back(name); });
  uint64_t newest = 0;
  for (const std::string& name : names) newest = std::max(newest, last_seq_on(setup, name));
  return newest;
}

Verdict check_last_seqs(const StreamSetup& setup, const Publish& publish) {
  const PublishHeaders& asks = publish.asks;
  if (asks.has(Header::expected_last_seq)) {
    const uint64_t actual = last_seq_of(setup);
    if (asks.number(Header::expected_last_seq) != actual) return wrong_last_sequence(actual);
  }
  const bool other = asks.has(Header::expected_last_subject_seq_subject);
  if (asks.has(Header::expected_last_subject_seq)) {
    const uint64_t actual = last_seq_on(
        setup, other ? asks[Header::expected_last_subject_seq_subject] : publish.subject);
    if (asks.number(Header::expected_last_subject_seq) != actual)
      return wrong_last_sequence(actual);
  } else if (other) {
    return refused(JsErr::missing_last_subject_sequence);
  }
  return {};
}

Verdict find_duplicate(const StreamSetup& setup, const Publish& publish) {
  Verdict verdict;
  if (publish.id.empty()) return verdict;
  const int64_t since_ns = publish.ts_ns - setup.config.duplicate_window_ns;
  const auto first = setup.store->find_id(setup.id, publish.id, since_ns);
  if (first && first.value() > 0) {
    verdict.kind = Verdict::Kind::duplicate;
    verdict.seq = first.value();
  }
  return verdict;
}

Verdict check_rollup(const StreamSetup& setup, Publish& publish, bool is_copy) {
  const std::string_view rollup = publish.asks[Header::rollup];
  if (rollup.empty()) return {};
  const bool allowed = setup.config.allow_rollup && !setup.config.deny_purge;
  if (!allowed && !is_copy) return refused(JsErr::rollup_failed, {"rollup not permitted"});
  if (rollup == "sub")
    publish.rollup = Publish::Rollup::subject;
  else if (rollup == "all")
    publish.rollup = Publish::Rollup::all;
  else
    return refused(JsErr::rollup_failed, {"rollup value invalid: \"" + std::string(rollup) + '"'});
  if (!allowed) publish.rollup = Publish::Rollup::none;
  return {};
}

// With delete markers a message lives as long as one, or it might be gone before the marker of an
// older one is; unless there is one message a subject anyway.
Verdict apply_ttl(const StreamConfig& config, Publish& publish) {
  const std::string_view text = publish.asks[Header::ttl];
  if (text.empty()) return {};
  std::optional<int64_t> ttl_ns = parse_message_ttl(text);
  if (!ttl_ns) return refused(JsErr::ttl_invalid);
  const int64_t marker_s = config.subject_delete_marker_ttl_ns / kSecondNs;
  if (*ttl_ns > 0 && *ttl_ns < marker_s * kSecondNs && config.max_msgs_per_subject != 1) {
    ttl_ns = marker_s * kSecondNs;
    publish.own_headers = publish.headers;
    proto::remove_header(publish.own_headers, "Nats-TTL");
    proto::append_header(publish.own_headers, "Nats-TTL", std::to_string(marker_s));
    publish.headers = publish.own_headers;
  }
  if (config.allow_msg_ttl) publish.expires_ns = expires_at(publish.ts_ns, *ttl_ns);
  return {};
}

constexpr size_t kMaxHeaders = 65'535;

Verdict check_size(const StreamConfig& config, const Publish& publish) {
  if (config.max_msg_size >= 0 &&
      publish.headers.size() + publish.payload.size() > static_cast<uint64_t>(config.max_msg_size))
    return refused(JsErr::message_too_large);
  if (publish.headers.size() > kMaxHeaders) return refused(JsErr::headers_too_large);
  return {};
}

}  // namespace

Verdict Ingest::check(const StreamSetup& setup, Publish& publish, uint64_t failures) {
  const StreamConfig& config = setup.config;
  if (config.sealed) return refused(JsErr::sealed);
  const bool headers = !publish.headers.empty();
  if (headers) publish.asks = PublishHeaders(publish.headers);
  if (headers && publish.asks.any()) {
    const PublishHeaders& asks = publish.asks;
    if (asks.has(Header::expected_stream) && asks[Header::expected_stream] != setup.name())
      return refused(JsErr::stream_not_match);
    if (!config.allow_msg_ttl && asks.has(Header::ttl) &&
        parse_message_ttl(asks[Header::ttl]).value_or(0) != 0)
      return refused(JsErr::ttl_disabled);
    if (asks.has(Header::incr) && !config.allow_msg_counter) return refused(JsErr::incr_disabled);
    if (asks.has(Header::schedule) && !config.allow_msg_schedules)
      return refused(JsErr::schedules_disabled);
    if (asks.has(Header::batch_id) && !config.allow_atomic) return refused(JsErr::atomic_disabled);
    if (Verdict verdict = check_last_seqs(setup, publish); verdict.kind != Verdict::Kind::store)
      return verdict;
    publish.id = asks[Header::msg_id];
    if (Verdict verdict = find_duplicate(setup, publish); verdict.kind != Verdict::Kind::store)
      return verdict;
    if (asks.has(Header::expected_last_msg_id) && !asks[Header::expected_last_msg_id].empty())
      if (const std::string& last = last_id(setup, failures);
          last != asks[Header::expected_last_msg_id])
        return refused(JsErr::wrong_last_msg_id, {last});
    if (Verdict verdict = check_rollup(setup, publish, false); verdict.kind != Verdict::Kind::store)
      return verdict;
  }
  if (Verdict verdict = check_size(config, publish); verdict.kind != Verdict::Kind::store)
    return verdict;
  return apply_ttl(config, publish);
}

Verdict Ingest::check_copy(const StreamSetup& setup, Publish& publish, bool duplicates) {
  if (setup.config.sealed) return refused(JsErr::sealed);
  publish.asks = PublishHeaders(publish.headers);
  publish.id = publish.asks[Header::msg_id];
  if (duplicates)
    if (Verdict verdict = find_duplicate(setup, publish); verdict.kind != Verdict::Kind::store)
      return verdict;
  if (Verdict verdict = check_rollup(setup, publish, true); verdict.kind != Verdict::Kind::store)
    return verdict;
  if (Verdict verdict = check_size(setup.config, publish); verdict.kind != Verdict::Kind::store)
    return verdict;
  return apply_ttl(setup.config, publish);
}

// After a start, or when messages under way were taken back: that of the last message there is.
const std::string& Ingest::last_id(const StreamSetup& setup, uint64_t failures) {
  if (last_id_at_ == failures) return last_id_;
  last_id_.clear();
  const auto message = setup.store->read(setup.id, last_seq_of(setup));
  if (message) {
    const PublishHeaders headers(message.value().headers);
    last_id_.assign(headers[Header::msg_id]);
  }
  last_id_at_ = failures;
  return last_id_;
}

}  // namespace pipit::js
