#include "jetstream/stream_counters.h"

#include <utility>

#include "protocol/headers.h"

namespace pipit::js {
namespace {

constexpr size_t kSubjectsMax = 10'000;  // of a generation
constexpr size_t kBytesMax = 8u << 20;

size_t weight(std::string_view subject, const CounterState& state) {
  size_t bytes = subject.size() + state.value.str().size();
  for (const auto& [stream, subjects] : state.sources)
    for (const auto& [name, value] : subjects) bytes += stream.size() + name.size() + value.size();
  return bytes;
}

}  // namespace

StreamCounters::Found StreamCounters::find(const StreamSetup& stream, std::string_view subject,
                                           uint64_t failures, CounterState& out) {
  if (std::exchange(known_at_, failures) != failures) {
    young_.clear();
    old_.clear();
    young_bytes_ = 0;
  }
  const std::string name(subject);
  for (const Generation* const generation : {&young_, &old_})
    if (const auto found = generation->find(name); found != generation->end()) {
      out = found->second;
      return Found::yes;
    }
  const auto newest = stream.store->find_last(stream.id, subject);
  if (!newest) return Found::not_yet;
  if (newest.value() == 0) return Found::yes;
  const auto last = stream.store->last(stream.id, subject);
  if (!last || last.value().seq != newest.value()) return Found::not_yet;
  auto value = read_counter(last.value().payload);
  if (!value) return Found::broken;
  out.value = std::move(*value);
  const auto header = proto::header_value(last.value().headers, "Nats-Counter-Sources");
  if (!header || header->empty()) return Found::yes;
  auto sources = read_counter_sources(*header);
  if (!sources) return Found::broken;
  out.sources = std::move(*sources);
  return Found::yes;
}

void StreamCounters::set(std::string_view subject, const CounterState& state) {
  if (young_.size() >= kSubjectsMax || young_bytes_ >= kBytesMax) {
    old_ = std::exchange(young_, {});
    young_bytes_ = 0;
  }
  young_bytes_ += weight(subject, state);
  young_[std::string(subject)] = state;
}

}  // namespace pipit::js
