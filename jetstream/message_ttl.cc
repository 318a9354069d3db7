#include "jetstream/message_ttl.h"

#include <algorithm>
#include <limits>

#include "jetstream/go_duration.h"
#include "jetstream/store/store.h"

namespace pipit::js {

std::optional<int64_t> parse_message_ttl(std::string_view value) {
  constexpr int64_t kSecond = 1'000'000'000;
  constexpr int64_t kLongest = std::numeric_limits<int64_t>::max() / kSecond;
  if (value.empty()) return std::nullopt;
  const auto matches = [](char c, char lower) { return c == lower || (c | 0x20) == lower; };
  if (std::ranges::equal(value, std::string_view("never"), matches)) return kTtlNever;
  if (const std::optional<int64_t> ns = parse_go_duration(value)) {
    if (*ns < kSecond) return std::nullopt;
    return *ns / kSecond * kSecond;
  }
  int64_t seconds = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    seconds = std::min(seconds * 10 + (c - '0'), kLongest);
  }
  return seconds * kSecond;
}

int64_t expires_at(int64_t ts_ns, int64_t ttl_ns) {
  if (ttl_ns == 0) return 0;
  if (ttl_ns == kTtlNever) return store::kNeverExpires;
  constexpr int64_t kAtOnce = 1;
  return ttl_ns < store::kNeverExpires - ts_ns ? ts_ns + ttl_ns : kAtOnce;
}

}  // namespace pipit::js
