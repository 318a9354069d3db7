#include "jetstream/message_ttl.h"

#include <algorithm>

#include "jetstream/go_duration.h"
#include "jetstream/store/store.h"

namespace pipit::js {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

bool is_never(std::string_view text) {
  constexpr std::string_view kNever = "never";
  return std::equal(text.begin(), text.end(), kNever.begin(), kNever.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

}  // namespace

std::optional<int64_t> parse_message_ttl(std::string_view text) {
  if (text.empty()) return 0;
  if (is_never(text)) return kTtlNever;
  if (const auto span = parse_go_duration(text))
    return *span < kSecondNs ? std::nullopt : std::optional(*span / kSecondNs);
  uint64_t seconds = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return {};
    seconds = seconds * 10 + static_cast<uint64_t>(c - '0');
  }
  const auto signed_seconds = static_cast<int64_t>(seconds);
  return signed_seconds < 0 ? std::nullopt : std::optional(signed_seconds);
}

int64_t expires_at(int64_t ts_ns, int64_t ttl_s) {
  if (ttl_s == 0) return 0;
  if (ttl_s < 0) return store::kNeverExpires;
  const uint64_t at = static_cast<uint64_t>(ts_ns) + static_cast<uint64_t>(ttl_s) * kSecondNs;
  // Neither 0 nor the last one, which mean something else.
  return std::clamp(static_cast<int64_t>(at), int64_t{1}, store::kNeverExpires - 1);
}

}  // namespace pipit::js
