#include "jetstream/expiry.h"

#include <algorithm>
#include <string>

#include "jetstream/go_duration.h"
#include "jetstream/publish_headers.h"
#include "protocol/headers.h"

namespace pipit::js {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
// Messages that fall due one after another go together, this often.
constexpr int64_t kPauseNs = kSecondNs / 10;
constexpr int64_t kRetryNs = kSecondNs;  // after the store refused
constexpr size_t kPerTurn = 1024;
constexpr size_t kPerTurnRead = 64;  // where each has to be read

struct Outcome {
  bool done = true;  // false: the store refused
  bool more = false;
};

// Removes messages together that follow each other.
Outcome remove_due(const StreamSetup& setup, int64_t now_ns, size_t limit) {
  const auto due = setup.store->due(setup.id, now_ns, limit);
  if (!due) return {false, false};
  const std::vector<store::Due>& list = due.value();
  for (size_t at = 0; at < list.size();) {
    size_t end = at + 1;
    while (end < list.size() && list[end].seq == list[end - 1].seq + 1) ++end;
    const auto removed = setup.store->remove(setup.id, {list[at].seq, list[end - 1].seq}, false);
    if (!removed && removed.error().code != Errc::invalid_argument) return {false, false};
    at = end;
  }
  return {true, list.size() == limit};
}

std::string marker_headers(const StreamConfig& config) {
  const int64_t ttl_ns = config.subject_delete_marker_ttl_ns / kSecondNs * kSecondNs;
  return "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: " + format_go_duration(ttl_ns) +
         "\r\nNats-Rollup: sub\r\n\r\n";
}

bool is_marker(std::string_view headers) {
  if (headers.empty()) return false;
  return !PublishHeaders(headers)[PublishHeader::marker_reason].empty() ||
         proto::header_value(headers, "KV-Operation") == "PURGE";
}

// Is it the only message of its subject, and none that a client takes for a marker already? Older
// ones that were removed a moment ago do not count, though readers may still have them.
bool wants_marker(const StreamSetup& setup, const store::Due& due) {
  const auto newest = setup.store->find_last(setup.id, due.subject);
  if (!newest || newest.value() != due.seq) return false;
  const auto oldest = setup.store->find_first(setup.id, due.subject);
  if (!oldest || oldest.value() != due.seq) return false;
  const auto message = setup.store->read(setup.id, due.seq);
  return message && !is_marker(message.value().headers);
}

// One by one, as what is the last of its subject depends on what went before. A marker comes with a
// rollup, which takes the message away. Where the stream has no room for it there is some behind
// the message.
Outcome replace_due(const StreamSetup& setup, int64_t now_ns, const Expiry::Append& append) {
  const auto due = setup.store->due(setup.id, now_ns, kPerTurnRead);
  if (!due) return {false, false};
  const std::string headers = marker_headers(setup.config);
  for (const store::Due& each : due.value()) {
    const bool marker = wants_marker(setup, each);
    if (marker && append(each.subject, headers)) continue;
    const auto removed = setup.store->remove(setup.id, {each.seq, each.seq}, false);
    if (!removed && removed.error().code != Errc::invalid_argument) return {false, false};
    if (marker) append(each.subject, headers);
  }
  return {true, due.value().size() == kPerTurnRead};
}

}  // namespace

void Expiry::run(const StreamSetup& setup, int64_t now_ns, const Append& append) {
  next_ns_ = 0;  // what is appended meanwhile counts
  const bool markers = setup.config.subject_delete_marker_ttl_ns > 0;
  const Outcome outcome =
      markers ? replace_due(setup, now_ns, append) : remove_due(setup, now_ns, kPerTurn);
  if (!outcome.done) return look_again(now_ns + kRetryNs);
  if (outcome.more) return look_again(now_ns);
  const auto next = setup.store->next_due(setup.id);
  if (!next) return look_again(now_ns + kRetryNs);
  next_ns_ = next.value() == 0 ? 0 : std::max(next.value(), now_ns + kPauseNs);
}

void expire_all(const StreamSetup& setup, int64_t now_ns) {
  if (setup.config.subject_delete_marker_ttl_ns > 0) return;
  constexpr size_t kAtOnce = 64 * 1024;
  while (remove_due(setup, now_ns, kAtOnce).more) {
  }
}

}  // namespace pipit::js
