// What clients and the store's files can say to JetStream in words: bodies of requests, transforms,
// schedules, zones, numbers and times. The first byte says which; no crash, no hang, and what was
// taken comes back the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "jetstream/api_types.h"
#include "jetstream/counter.h"
#include "jetstream/cron.h"
#include "jetstream/go_duration.h"
#include "jetstream/message_ttl.h"
#include "jetstream/schedule.h"
#include "jetstream/stream_config_check.h"
#include "jetstream/stream_config_json.h"
#include "jetstream/subject_transform.h"
#include "protocol/subject.h"

namespace {

using namespace pipit::js;

void require(bool condition) {
  if (!condition) std::abort();
}

class Streams : public StreamCatalogue {
 public:
  const StreamConfig* find(std::string_view name) const override {
    for (const StreamConfig& config : all_)
      if (config.name == name) return &config;
    return nullptr;
  }
  void each(const std::function<void(const StreamConfig&)>& visit) const override {
    for (const StreamConfig& config : all_) visit(config);
  }
  void add(const StreamConfig& config) { all_.push_back(config); }

 private:
  std::vector<StreamConfig> all_;
};

CheckContext context(const Streams& streams, bool pedantic) {
  return {streams, {}, {int64_t{1} << 40, int64_t{1} << 40, 0}, pedantic};
}

// Two configs, a line each: a stream that is there, and one to create beside it or to make of it.
void try_configs(std::string_view text, bool strict) {
  Streams streams;
  while (!text.empty()) {
    const std::string_view body = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(body.size() + 1, text.size()));
    StreamConfigRequest request;
    if (!read_stream_request(body, strict, request).empty()) continue;
    StreamConfig updated = request.config;
    check_update(context(streams, request.pedantic), updated.name, updated);
    StreamConfig config = request.config;
    bool exists = false;
    if (check_create(context(streams, request.pedantic), config.name, config, exists)) continue;
    const std::string stored = write_stored_stream({timestamp_utc(1), config});
    const auto back = read_stored_stream(stored);
    require(back && back->config == config && back->created == timestamp_utc(1));
    if (exists) continue;
    streams.add(config);
    // The same once more is what there is already.
    require(!check_create(context(streams, false), config.name, config, exists) && exists);
  }
}

void try_bodies(std::string_view body) {
  for (const bool strict : {true, false}) {
    ListRequest list;
    NamesRequest names;
    StreamInfoRequest info;
    PurgeRequest purge;
    MessageGetRequest get;
    MessageDeleteRequest remove;
    read_body(body, strict, list);
    read_body(body, strict, names);
    read_body(body, strict, info);
    read_body(body, strict, purge);
    read_body(body, strict, get);
    read_body(body, strict, remove);
  }
  if (is_empty_body(body)) require(!is_json_body(body) || body.find('{') != body.npos);
}

// Source, destination and subject, a line each.
void try_transform(std::string_view text) {
  const std::string_view source = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(source.size() + 1, text.size()));
  const std::string_view destination = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(destination.size() + 1, text.size()));
  std::string fault;
  if (destination.empty()) return;
  const auto transform = SubjectTransform::make(source, destination, fault);
  require(transform.has_value() == fault.empty());
  if (check_mapping(source, destination).empty()) require(transform.has_value());
  if (!transform) return;
  std::string out = "x";
  uint64_t random = 1;
  if (transform->apply(text, out, random)) {
    require(pipit::proto::is_valid_literal(std::string_view(out).substr(1)));
  } else {
    require(out == "x");
  }
}

void try_schedule(std::string_view pattern) {
  constexpr int64_t kNow = 1'700'000'000'123'456'789;
  const auto due = next_schedule(pattern, nullptr, kNow - 1'000'000'000'000, kNow);
  if (due && due->repeats) require(due->at_ns >= kNow - 1'000'000'000);
}

// A zone's file; offsets last, and times are found in it.
void try_zone(std::string_view tzif) {
  const auto zone = TimeZone::parse(tzif);
  if (!zone) return;
  int64_t time = -3'000'000'000;
  for (int i = 0; i < 300 && time < 5'000'000'000; ++i) {
    const TimeZone::Span span = zone->at(time);
    require(span.until > time);
    time = span.until;
  }
  const auto next = next_cron_time("0 30 2 * * *", *zone, 1'700'000'000);
  require(!next || (*next > 1'700'000'000 && (*next + zone->at(*next).utc_offset_s) % 60 == 0));
}

void try_words(std::string_view text) {
  if (const auto span = parse_go_duration(text))
    require(parse_go_duration(format_go_duration(*span)) == span);
  std::string fault;
  if (const auto time = parse_rfc3339(text, fault))
    require(parse_rfc3339(format_rfc3339(*time), fault) == time);
  if (const auto number = BigDecimal::parse(text)) {
    require(BigDecimal::parse(number->str()) == number);
    require((*number - *number).str() == "0");
    require(*number + *number - *number == *number);
    require(read_counter(write_counter(*number)) == number);
  }
  parse_message_ttl(text);
  read_counter(text);
  if (const auto sources = read_counter_sources(text))
    require(read_counter_sources(write_counter_sources(*sources)) == sources);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 64 * 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'C':
    case 'L':
      try_configs(text, data[0] == 'C');
      break;
    case 'B':
      try_bodies(text);
      break;
    case 'T':
      try_transform(text);
      break;
    case 'S':
      try_schedule(text);
      break;
    case 'Z':
      try_zone(text);
      break;
    default:
      try_words(text);
  }
  return 0;
}
