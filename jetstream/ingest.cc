#include "jetstream/ingest.h"

#include <algorithm>
#include <vector>

#include "jetstream/batch_checks.h"
#include "jetstream/message_ttl.h"
#include "jetstream/origin.h"
#include "protocol/header_edit.h"
#include "protocol/headers.h"
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

bool is_refused(const Verdict& verdict) { return verdict.kind == Verdict::Kind::refused; }

// A header without a value asks for nothing.
Verdict check_last_seqs(const StreamSetup& setup, const Publish& publish) {
  const PublishHeaders& asks = publish.asks;
  const std::string_view other = asks[Header::expected_last_subject_seq_subject];
  if (!asks[Header::expected_last_subject_seq].empty()) {
    const uint64_t actual = last_seq_on(setup, other.empty() ? publish.subject : other);
    if (asks.number(Header::expected_last_subject_seq) != actual)
      return wrong_last_sequence(actual);
  } else if (!other.empty()) {
    return refused(JsErr::missing_last_subject_sequence);
  }
  if (!asks[Header::expected_last_seq].empty()) {
    const uint64_t actual = last_seq_of(setup);
    if (asks.number(Header::expected_last_seq) != actual) return wrong_last_sequence(actual);
  }
  return {};
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

Verdict check_rollup(const StreamSetup& setup, Publish& publish, bool is_copy) {
  const std::string rollup =
      publish.schedule.add_rollup ? "sub" : lowered(publish.asks[Header::rollup]);
  if (rollup.empty()) return {};
  const bool allowed = setup.config.allow_rollup && !setup.config.deny_purge;
  if (!allowed && !is_copy) return refused(JsErr::rollup_failed, {"rollup not permitted"});
  if (rollup == "sub")
    publish.rollup = Publish::Rollup::subject;
  else if (rollup == "all")
    publish.rollup = Publish::Rollup::all;
  else
    return refused(JsErr::rollup_failed, {"rollup value invalid: \"" + rollup + '"'});
  if (!allowed) publish.rollup = Publish::Rollup::none;
  return {};
}

// What a publish with an increment may be; its value comes later.
Verdict check_increment(const StreamConfig& config, const Publish& publish) {
  const PublishHeaders& asks = publish.asks;
  const std::string_view more = asks[Header::incr];
  if (more.empty()) return {};
  if (!BigDecimal::parse(more)) return refused(JsErr::incr_invalid);
  if (!config.allow_msg_counter) return refused(JsErr::incr_disabled);
  if (!publish.payload.empty()) return refused(JsErr::incr_payload);
  for (const Header other :
       {Header::rollup, Header::expected_stream, Header::expected_last_seq,
        Header::expected_last_subject_seq, Header::expected_last_subject_seq_subject,
        Header::expected_last_msg_id})
    if (!asks[other].empty()) return refused(JsErr::incr_invalid);
  return {};
}

// Where a message was counted first: "STREAM SEQUENCE FILTER DESTINATION SUBJECT".
struct CounterOrigin {
  std::string stream, subject;
};

std::optional<CounterOrigin> source_of(std::string_view headers, std::string_view subject) {
  const auto header = proto::header_value(headers, "Nats-Stream-Source");
  if (!header || header->empty()) return {};
  std::vector<std::string_view> fields;
  for (std::string_view rest = *header;;) {
    const size_t blank = rest.find(' ');
    fields.push_back(rest.substr(0, blank));
    if (blank == rest.npos) break;
    rest.remove_prefix(blank + 1);
  }
  return CounterOrigin{std::string(fields[0]),
                       std::string(fields.size() >= 5 ? fields[4] : subject)};
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
    if (publish.own_headers.empty()) publish.own_headers = publish.headers;
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
  if (setup.transform && setup.transform->apply(publish.subject, publish.own_subject, random_))
    publish.subject = publish.own_subject;
  if (config.sealed) return refused(JsErr::sealed);
  if (!publish.headers.empty()) {
    publish.asks = PublishHeaders(publish.headers);
    if (publish.asks.any())
      if (Verdict verdict = check_headers(setup, publish, failures);
          verdict.kind != Verdict::Kind::store)
        return verdict;
  }
  if (config.allow_msg_counter)
    if (Verdict verdict = check_counter(setup, publish, failures); is_refused(verdict))
      return verdict;
  if (Verdict verdict = check_size(config, publish); is_refused(verdict)) return verdict;
  if (Verdict verdict = apply_ttl(config, publish); is_refused(verdict)) return verdict;
  Verdict verdict;
  // There are no consumers yet; whether another stream is interested, its reactor asks.
  if (config.retention == Retention::interest) verdict.kind = Verdict::Kind::skip;
  return verdict;
}

Verdict Ingest::check_headers(const StreamSetup& setup, Publish& publish, uint64_t failures) {
  const StreamConfig& config = setup.config;
  const PublishHeaders& asks = publish.asks;
  if (!asks[Header::batch_id].empty() && !config.allow_atomic)
    return refused(JsErr::atomic_disabled);
  if (Verdict verdict = check_increment(config, publish); is_refused(verdict)) return verdict;
  if (!asks[Header::expected_stream].empty() && asks[Header::expected_stream] != setup.name())
    return refused(JsErr::stream_not_match);
  if (!publish.by_stream && !config.allow_msg_ttl &&
      parse_message_ttl(asks[Header::ttl]).value_or(0) != 0)
    return refused(JsErr::ttl_disabled);
  if (Verdict verdict = check_last_seqs(setup, publish); is_refused(verdict)) return verdict;
  if (Verdict verdict = check_schedules(setup, publish); is_refused(verdict)) return verdict;
  publish.id = asks[Header::msg_id];
  if (Verdict verdict = find_duplicate(setup, publish); verdict.kind != Verdict::Kind::store)
    return verdict;
  if (!asks[Header::expected_last_msg_id].empty())
    if (const std::string& last = last_id(setup, failures);
        last != asks[Header::expected_last_msg_id])
      return refused(JsErr::wrong_last_msg_id, {last});
  return check_rollup(setup, publish, publish.by_stream);
}

Verdict Ingest::check_schedules(const StreamSetup& setup, Publish& publish) {
  const PublishHeaders& asks = publish.asks;
  ScheduleRequest& request = publish.schedule;
  if (publish.by_stream) {
    if (asks[Header::schedule_next] == "purge") request.purges = asks[Header::scheduler];
    return {};
  }
  const auto find_zone = [this](std::string_view name) { return zones_.find(name); };
  if (auto fault = check_schedule(asks, publish.subject, setup.config, find_zone,
                                  clock_.system_ns(), request)) {
    Verdict verdict;
    verdict.kind = Verdict::Kind::refused;
    verdict.error = std::move(*fault);
    return verdict;
  }
  if (!request.purges.empty())
    if (const auto last = setup.store->last(setup.id, request.purges);
        last && PublishHeaders(last.value().headers)[Header::schedule].empty())
      return refused(JsErr::schedules_scheduler_invalid);
  if (request.add_rollup) {
    publish.own_headers = publish.headers;
    proto::append_header(publish.own_headers, "Nats-Rollup", "sub");
    publish.headers = publish.own_headers;
  }
  return {};
}

Verdict Ingest::find_duplicate(const StreamSetup& setup, const Publish& publish) {
  Verdict verdict;
  if (publish.id.empty()) return verdict;
  const int64_t since_ns = publish.ts_ns - setup.config.duplicate_window_ns;
  if (setup.config.retention == Retention::interest)
    verdict.seq = skipped_.find(publish.id, since_ns);
  if (verdict.seq == 0) {
    const auto first = setup.store->find_id(setup.id, publish.id, since_ns);
    if (first) verdict.seq = first.value();
  }
  if (verdict.seq > 0) verdict.kind = Verdict::Kind::duplicate;
  return verdict;
}

// The body becomes the counter's new value. One that comes from another stream has that one's total
// in its body: what it adds is the difference to the total that came before (ADR-49).
Verdict Ingest::check_counter(const StreamSetup& setup, Publish& publish, uint64_t failures) {
  auto more = BigDecimal::parse(publish.asks[Header::incr]);
  if (!more) return refused(JsErr::incr_missing);
  CounterState& counter = publish.counter.emplace();
  const CounterState* const so_far =
      publish.batch == nullptr ? nullptr : publish.batch->counter(publish.subject);
  if (so_far != nullptr) {
    counter = *so_far;
  } else {
    switch (counters_.find(setup, publish.subject, failures, counter)) {
      case StreamCounters::Found::yes:
        break;
      case StreamCounters::Found::broken:
        return refused(JsErr::counter_broken);
      case StreamCounters::Found::not_yet:
        return refused(JsErr::too_many_requests);
    }
  }
  std::string& headers = publish.own_headers;
  if (headers.empty()) headers = publish.headers;
  // A message of an origin brings its total, of which only what is new counts.
  if (const auto origin = source_of(publish.headers, publish.subject)) {
    const auto total = read_counter(publish.payload);
    if (!total) return refused(JsErr::counter_broken);
    std::string& known = counter.sources[origin->stream][origin->subject];
    *more = *total - BigDecimal::parse(known).value_or(BigDecimal());
    known = total->str();
    proto::set_header(headers, "Nats-Incr", more->str());
  }
  if (!counter.sources.empty()) {
    proto::set_header(headers, "Nats-Counter-Sources", write_counter_sources(counter.sources));
    publish.headers = headers;
  }
  counter.value = counter.value + *more;
  publish.own_payload = write_counter(counter.value);
  publish.payload = publish.own_payload;
  publish.extra = ",\"val\":\"" + counter.value.str() + '"';
  return {};
}

Verdict Ingest::check_copy(const StreamSetup& setup, Publish& publish, Copy copy,
                           uint64_t failures) {
  const StreamConfig& config = setup.config;
  if (setup.transform && setup.transform->apply(publish.subject, publish.own_subject, random_))
    publish.subject = publish.own_subject;
  if (config.sealed) return refused(JsErr::sealed);
  publish.asks = PublishHeaders(publish.headers);
  publish.id = publish.asks[Header::msg_id];
  if (copy == Copy::of_source)
    if (Verdict verdict = find_duplicate(setup, publish); verdict.kind != Verdict::Kind::store)
      return verdict;
  if (Verdict verdict = check_rollup(setup, publish, true); is_refused(verdict)) return verdict;
  if (config.allow_msg_counter)
    if (Verdict verdict = check_counter(setup, publish, failures); is_refused(verdict))
      return verdict;
  if (Verdict verdict = check_size(config, publish); is_refused(verdict)) return verdict;
  if (Verdict verdict = apply_ttl(config, publish); is_refused(verdict)) return verdict;
  Verdict verdict;
  if (config.retention == Retention::interest) verdict.kind = Verdict::Kind::skip;
  return verdict;
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
