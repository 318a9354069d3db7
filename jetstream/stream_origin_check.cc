#include "jetstream/stream_origin_check.h"

#include <algorithm>
#include <set>
#include <vector>

#include "jetstream/subject_transform.h"
#include "protocol/json_syntax.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

using Fault = std::optional<ApiError>;

constexpr std::string_view kApiPrefix = "$JS.API";

Fault invalid(std::string_view why) { return api_error(JsErr::stream_invalid_config, why); }

// What a mirror or a source contributes to checks that concern all of them.
struct Origins {
  std::vector<const StreamConfig*> local;  // those that exist; each once
  std::vector<std::string_view> api_prefixes, deliver_prefixes;

  void add(const StreamConfig* stream) {
    if (stream != nullptr && std::ranges::find(local, stream) == local.end())
      local.push_back(stream);
  }
  void add(const ExternalStream& external) {
    if (!external.deliver_prefix.empty()) deliver_prefixes.push_back(external.deliver_prefix);
    if (!external.api_prefix.empty()) api_prefixes.push_back(external.api_prefix);
  }
};

// An empty filter is taken for the subject "" here, as nats-server takes it: equal to itself, and
// caught by ">" alone.
bool filters_collide(const std::string& a, const std::string& b) {
  return a == b || (a.empty() && b == ">") || (b.empty() && a == ">") || proto::collide(a, b);
}

bool is_filter_subset(const std::string& a, const std::string& b) {
  return a.empty() ? b == ">" : proto::is_subset(a, b);
}

bool is_invalid_consumer(const StreamSource& source) {
  const SourceConsumer& consumer = *source.consumer;
  return !is_valid_asset_name(consumer.name) ||
         !proto::is_valid_literal(consumer.deliver_subject) || source.opt_start_seq != 0 ||
         source.opt_start_time || !source.filter_subject.empty();
}

struct TransformErrors {
  JsErr filter, destination;
};

Fault check_source_transform(const SubjectTransformConfig& transform, TransformErrors errors) {
  if (!transform.source.empty() && !proto::is_valid_subject(transform.source))
    return api_error(errors.filter, "invalid subject " + transform.source);
  const std::string fault = check_mapping(transform.source, transform.destination);
  if (!fault.empty()) return api_error(errors.destination, fault);
  return std::nullopt;
}

bool is_message_too_big(const StreamConfig& config, const StreamConfig& origin) {
  return config.max_msg_size > 0 && origin.max_msg_size > 0 &&
         config.max_msg_size < origin.max_msg_size;
}

Fault check_mirror_features(const StreamConfig& config) {
  if (config.first_seq > 0) return api_error(JsErr::mirror_with_first_seq);
  if (!config.subjects.empty()) return api_error(JsErr::mirror_with_subjects);
  if (!config.sources.empty()) return api_error(JsErr::mirror_with_sources);
  if (config.allow_msg_counter) return api_error(JsErr::mirror_with_counters);
  if (config.allow_atomic) return api_error(JsErr::mirror_with_atomic);
  if (config.allow_batched) return api_error(JsErr::mirror_with_batched);
  if (config.allow_msg_schedules) return api_error(JsErr::mirror_with_schedules);
  if (config.mirror->consumer && is_invalid_consumer(*config.mirror))
    return api_error(JsErr::mirror_consumer_invalid);
  if (!config.mirror->filter_subject.empty() && !config.mirror->subject_transforms.empty())
    return api_error(JsErr::mirror_multiple_filters);
  // Markers would take sequences that the origin gives to other messages.
  if (config.subject_delete_marker_ttl_ns > 0)
    return invalid("subject delete markers forbidden on mirrors");
  return std::nullopt;
}

Fault check_mirror(const CheckContext& context, StreamConfig& config, Origins& origins,
                   Comparisons& comparisons) {
  if (!config.mirror) return std::nullopt;
  if (auto fault = check_mirror_features(config)) return fault;
  const StreamSource& mirror = *config.mirror;
  const auto& transforms = mirror.subject_transforms;
  for (size_t i = 0; i < transforms.size(); ++i) {
    if (auto fault = check_source_transform(
            transforms[i], {JsErr::mirror_invalid_filter, JsErr::mirror_invalid_destination}))
      return fault;
    if (auto fault = comparisons.spend(transforms.size())) return fault;
    for (size_t j = 0; j < transforms.size(); ++j)
      if (i != j && filters_collide(transforms[i].source, transforms[j].source))
        return api_error(JsErr::mirror_overlapping_filters);
  }
  if (mirror.external) {
    origins.add(*mirror.external);
    return std::nullopt;
  }
  if (!is_valid_asset_name(mirror.name)) return api_error(JsErr::mirror_invalid_name);
  const StreamConfig* const origin = context.streams.find(mirror.name);
  if (origin == nullptr) return std::nullopt;
  origins.add(origin);
  if (is_message_too_big(config, *origin)) return api_error(JsErr::mirror_max_msg_size_too_big);
  if (context.pedantic && config.mirror_direct != origin->allow_direct)
    return api_error(JsErr::pedantic, "origin stream has direct get set, mirror has it disabled");
  config.mirror_direct = origin->allow_direct;
  return std::nullopt;
}

// Two sources of one key would bring the same messages twice.
std::string source_key(const StreamSource& source) {
  std::string key = source.name;
  if (source.external) (key += "\n:") += source.external->api_prefix;
  if (source.consumer) (key += "\nC=") += source.consumer->name;
  const auto or_all = [](const std::string& subject) {
    return subject.empty() ? std::string(">") : subject;
  };
  if (source.subject_transforms.empty()) return key + '\n' + or_all(source.filter_subject) + "\n>";
  for (const SubjectTransformConfig& transform : source.subject_transforms)
    key += '\n' + or_all(transform.source) + '\f' + or_all(transform.destination);
  return key;
}

std::string consumer_key(const StreamSource& source) {
  std::string key = source.name;
  if (source.external) (key += "\n:") += source.external->api_prefix;
  return key + '\n' + source.consumer->name;
}

Fault check_source(const CheckContext& context, const StreamConfig& config,
                   const StreamSource& source, Origins& origins, Comparisons& comparisons,
                   std::set<std::string>& keys, std::set<std::string>& consumers) {
  if (!is_valid_asset_name(source.name)) return api_error(JsErr::source_invalid_name);
  if (!keys.insert(source_key(source)).second) return api_error(JsErr::source_duplicate);
  const auto& transforms = source.subject_transforms;
  if (!source.filter_subject.empty() && !transforms.empty())
    return api_error(JsErr::source_multiple_filters);
  for (const SubjectTransformConfig& transform : transforms)
    if (auto fault = check_source_transform(
            transform, {JsErr::source_invalid_filter, JsErr::source_invalid_destination}))
      return fault;
  if (auto fault = comparisons.spend(uint64_t{transforms.size()} * transforms.size())) return fault;
  for (size_t i = 0; i < transforms.size(); ++i)
    for (size_t j = 0; j < transforms.size(); ++j)
      if (i != j && is_filter_subset(transforms[i].source, transforms[j].source))
        return api_error(JsErr::source_overlapping_filters);
  if (source.consumer) {
    if (is_invalid_consumer(source)) return api_error(JsErr::source_consumer_invalid);
    if (!consumers.insert(consumer_key(source)).second)
      return api_error(JsErr::source_consumer_duplicate);
  }
  if (source.external) {
    origins.add(*source.external);
    return std::nullopt;
  }
  const StreamConfig* const origin = context.streams.find(source.name);
  origins.add(origin);
  if (origin != nullptr && is_message_too_big(config, *origin))
    return api_error(JsErr::source_max_msg_size_too_big);
  return std::nullopt;
}

Fault check_sources(const CheckContext& context, const StreamConfig& config, Origins& origins,
                    Comparisons& comparisons) {
  if (!config.sources.empty() && config.allow_msg_schedules)
    return api_error(JsErr::source_with_schedules);
  std::set<std::string> keys, consumers;
  for (const StreamSource& source : config.sources)
    if (auto fault = check_source(context, config, source, origins, comparisons, keys, consumers))
      return fault;
  return std::nullopt;
}

Fault check_prefixes(const Origins& origins, Comparisons& comparisons) {
  for (const std::string_view prefix : origins.deliver_prefixes) {
    if (!proto::is_valid_literal(prefix))
      return api_error(JsErr::external_delivery_invalid, prefix);
    for (const StreamConfig* const origin : origins.local) {
      if (auto fault = comparisons.spend(origin->subjects.size())) return fault;
      for (const std::string& subject : origin->subjects)
        if (proto::collide(subject, std::string(prefix) + '.' + subject))
          return api_error(JsErr::external_delivery_overlap, {prefix, subject});
    }
  }
  for (const std::string_view prefix : origins.api_prefixes) {
    if (!proto::is_valid_literal(prefix))
      return invalid("stream external api prefix " + proto::quote_go(prefix) +
                     " must be a valid subject without wildcards");
    if (prefix == kApiPrefix) return api_error(JsErr::external_api_overlap, {prefix, kApiPrefix});
  }
  return std::nullopt;
}

bool takes_any(const StreamConfig& config, const std::string& filter) {
  return filter.empty() || std::ranges::any_of(config.subjects, [&](const std::string& subject) {
           return subject == filter || proto::collide(subject, filter);
         });
}

// Would messages of `config` come back to it? Only paths through it count: the other streams were
// checked when they were made. (nats-server also refuses some ways to meet a stream twice that are
// no cycle.)
Fault check_cycle(const CheckContext& context, const StreamConfig& config) {
  std::vector<const StreamConfig*> pending = {&config};
  std::set<std::string_view> seen = {config.name};
  const auto visit = [&](std::string_view name) {
    const StreamConfig* const stream = context.streams.find(name);
    if (stream != nullptr && seen.insert(stream->name).second) pending.push_back(stream);
  };
  while (!pending.empty()) {
    const StreamConfig& stream = *pending.back();
    pending.pop_back();
    for (const StreamSource& source : stream.sources) {
      if (source.external) continue;
      if (source.name != config.name) {
        visit(source.name);
      } else if (takes_any(stream, source.filter_subject)) {
        return invalid("detected cycle");
      }
    }
    if (!stream.mirror || stream.mirror->external) continue;
    if (stream.mirror->name == config.name) return invalid("detected cycle");
    visit(stream.mirror->name);
  }
  return std::nullopt;
}

}  // namespace

std::optional<ApiError> Comparisons::spend(uint64_t pairs) {
  spent_ += pairs;
  if (spent_ <= kComparisonsMax) return std::nullopt;
  return invalid("too many subjects to compare");
}

std::optional<ApiError> check_origins(const CheckContext& context, StreamConfig& config,
                                      Comparisons& comparisons) {
  Origins origins;
  if (auto fault = check_mirror(context, config, origins, comparisons)) return fault;
  if (auto fault = check_sources(context, config, origins, comparisons)) return fault;
  if (auto fault = check_prefixes(origins, comparisons)) return fault;
  return check_cycle(context, config);
}

std::string check_origin_filters(const StreamConfig& config) {
  const auto wrong = [](const StreamSource& source) {
    return source.subject_transforms.empty() && !source.filter_subject.empty() &&
           !proto::is_valid_subject(source.filter_subject);
  };
  if (config.mirror && wrong(*config.mirror))
    return "subject filter '" + config.mirror->filter_subject + "' for the mirror invalid subject";
  for (const StreamSource& source : config.sources)
    if (wrong(source))
      return "subject filter '" + source.filter_subject + "' for the source: invalid subject";
  return {};
}

}  // namespace pipit::js
