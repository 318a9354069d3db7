// BatchSoFar: what a message of an atomic batch may not ask for because of those before it in the
// same batch. Everything else is checked as for any publish, against the stream as it was before
// the batch. Rules and texts are nats-server 2.14's (ADR-50). A plain value.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "jetstream/api_errors.h"
#include "jetstream/ingest.h"

namespace pipit::js {

class BatchSoFar {
 public:
  // Before the message is checked as a publish. `last_seq`: of the stream before the batch.
  std::optional<ApiError> before(const PublishHeaders& asks, std::string_view subject,
                                 uint64_t last_seq) const;
  // After that: it is one of the batch, unless something is wrong with it.
  std::optional<ApiError> after(const Publish& publish);
  // What the batch makes of that counter; null: nothing yet.
  const CounterState* counter(std::string_view subject) const;

 private:
  uint64_t count_ = 0;
  std::set<std::string, std::less<>> subjects_, ids_;
  std::map<std::string, CounterState, std::less<>> counters_;
};

}  // namespace pipit::js
