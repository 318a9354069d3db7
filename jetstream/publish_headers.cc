#include "jetstream/publish_headers.h"

#include <charconv>
#include <utility>

namespace pipit::js {
namespace {

// In the order of the enumeration, without the "Nats-" that they all begin with.
constexpr std::string_view kNames[] = {"Msg-Id",
                                       "Expected-Stream",
                                       "Expected-Last-Sequence",
                                       "Expected-Last-Subject-Sequence",
                                       "Expected-Last-Subject-Sequence-Subject",
                                       "Expected-Last-Msg-Id",
                                       "Rollup",
                                       "TTL",
                                       "Incr",
                                       "Schedule",
                                       "Schedule-Next",
                                       "Scheduler",
                                       "Schedule-Target",
                                       "Schedule-Source",
                                       "Schedule-TTL",
                                       "Schedule-Rollup",
                                       "Schedule-Time-Zone",
                                       "Batch-Id",
                                       "Batch-Sequence",
                                       "Batch-Commit",
                                       "Required-Api-Level",
                                       "Marker-Reason"};
static_assert(std::size(kNames) == static_cast<size_t>(PublishHeader::count_));
constexpr std::string_view kPrefix = "Nats-";

// Blanks behind a value are part of it, as in nats-server.
std::string_view without_leading_blanks(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  return text;
}

}  // namespace

PublishHeaders::PublishHeaders(std::string_view block) {
  size_t at = block.find('\n');  // behind the version line
  while (at != std::string_view::npos) {
    std::string_view rest = block.substr(at + 1);
    const size_t end = rest.find('\n');
    if (rest.starts_with(kPrefix)) {
      std::string_view line = rest.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      line.remove_prefix(kPrefix.size());
      const size_t colon = line.find(':');
      if (colon != std::string_view::npos)
        for (size_t i = 0; i < std::size(kNames); ++i) {
          if (line.substr(0, colon) != kNames[i]) continue;
          const auto header = static_cast<PublishHeader>(i);
          if (!has(header)) values_[i] = without_leading_blanks(line.substr(colon + 1));
          found_ |= bit(header);
          break;
        }
    }
    at = end == std::string_view::npos ? end : at + 1 + end;
  }
}

std::optional<uint64_t> PublishHeaders::number(PublishHeader header) const {
  const std::string_view text = (*this)[header];
  uint64_t value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || status != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace pipit::js
