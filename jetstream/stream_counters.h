// StreamCounters: the values of the counters of one stream (ADR-49), as far as the store cannot say
// them yet: of messages under way. On the stream's reactor.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "jetstream/counter.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class StreamCounters {
 public:
  // The value of the counter `subject`, zero if there is none. Nothing: what is stored there is no
  // counter. `failures` of Progress: values under way hold until there is one more.
  std::optional<BigDecimal> value(const StreamSetup& stream, std::string_view subject,
                                  uint64_t failures);
  // It was appended.
  void set(const StreamSetup& stream, std::string_view subject, const BigDecimal& value);

 private:
  std::unordered_map<std::string, BigDecimal> values_;
  uint64_t known_at_ = UINT64_MAX;
};

}  // namespace pipit::js
