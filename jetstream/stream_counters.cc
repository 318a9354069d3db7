#include "jetstream/stream_counters.h"

namespace pipit::js {
namespace {

// More are kept only while they are under way.
constexpr size_t kKept = 10'000;

}  // namespace

std::optional<BigDecimal> StreamCounters::value(const StreamSetup& stream, std::string_view subject,
                                                uint64_t failures) {
  if (known_at_ != failures) values_.clear();
  known_at_ = failures;
  if (const auto found = values_.find(std::string(subject)); found != values_.end())
    return found->second;
  const auto last = stream.store->last(stream.id, subject);
  if (!last) return BigDecimal();
  return read_counter(last.value().payload);
}

void StreamCounters::set(const StreamSetup& stream, std::string_view subject,
                         const BigDecimal& value) {
  // What can be read is committed, and so is everything before it.
  if (values_.size() >= kKept) {
    const auto state = stream.store->state(stream.id);
    if (state && stream.store->read(stream.id, state.value().last_seq - 1)) values_.clear();
  }
  values_[std::string(subject)] = value;
}

}  // namespace pipit::js
