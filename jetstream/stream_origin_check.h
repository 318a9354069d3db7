// The part of stream_config_check.h about where messages come from: mirrors and sources (2.10 of
// ADR-36 and ADR-60). Texts and order are nats-server 2.14's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "jetstream/stream_config_check.h"

namespace pipit::js {

// Counts the pairs of subjects that a check compares.
class Comparisons {
 public:
  // A fault once kComparisonsMax are spent.
  std::optional<ApiError> spend(uint64_t pairs);

 private:
  uint64_t spent_ = 0;
};

// Everything about mirror and sources but their filters; sets mirror_direct from a local origin.
std::optional<ApiError> check_origins(const CheckContext& context, StreamConfig& config,
                                      Comparisons& comparisons);

// What is wrong with a filter, or an empty string.
std::string check_origin_filters(const StreamConfig& config);

}  // namespace pipit::js
