// StreamCounters: what the counters of one stream (ADR-49) stand at, as far as the store cannot say
// it yet: of messages under way. On the stream's reactor.
//
// Two generations, so that what is under way is still known when the younger one is full: only so
// many are kept, whatever clients count.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "jetstream/counter.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

struct CounterState {
  BigDecimal value;
  CounterSources sources;  // the totals of its origins, where it has some
};

class StreamCounters {
 public:
  enum class Found : uint8_t {
    yes,      // or there is none yet: zero
    broken,   // what is stored there is no counter
    not_yet,  // it is under way, and not known any more
  };
  // `failures` of Progress: what is under way holds until there is one more.
  Found find(const StreamSetup& stream, std::string_view subject, uint64_t failures,
             CounterState& out);
  // It was appended.
  void set(std::string_view subject, const CounterState& state);

 private:
  using Generation = std::unordered_map<std::string, CounterState>;

  Generation young_, old_;
  size_t young_bytes_ = 0;
  uint64_t known_at_ = UINT64_MAX;
};

}  // namespace pipit::js
