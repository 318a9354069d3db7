#include "jetstream/atomic_batches.h"

#include <algorithm>

#include "jetstream/required_level.h"
#include "protocol/header_edit.h"

namespace pipit::js {
namespace {

using Header = PublishHeader;
using Step = AtomicBatches::Step;

constexpr std::string_view kEndOfBatch = "eob";

Step refused(ApiError error) {
  Step step;
  step.kind = Step::Kind::refused;
  step.error = std::move(error);
  return step;
}

ApiError too_large() {
  return api_error(JsErr::atomic_too_large, std::to_string(AtomicBatches::kMessagesMax));
}

// Beside its texts.
constexpr uint64_t kMessageCost = sizeof(AtomicBatches::Message);

}  // namespace

void AtomicBatches::erase(Batches::iterator batch) {
  room_.bytes -= batch->second.bytes;
  --room_.open;
  batches_.erase(batch);
}

Step AtomicBatches::drop(Batches::iterator batch, ApiError error, std::string_view reason) {
  erase(batch);
  Step step = refused(std::move(error));
  step.abandoned = reason;
  return step;
}

Step AtomicBatches::take(const StreamConfig& config, std::string_view subject,
                         std::string_view headers, std::string_view payload,
                         const PublishHeaders& asks, int64_t now_ns) {
  if (config.sealed) return refused(api_error(JsErr::sealed));
  if (config.max_msg_size >= 0 &&
      headers.size() + payload.size() > static_cast<uint64_t>(config.max_msg_size))
    return refused(api_error(JsErr::message_too_large));
  if (!config.allow_atomic) return refused(api_error(JsErr::atomic_disabled));
  const std::string_view id = asks[Header::batch_id];
  if (id.size() > kIdBytesMax) return refused(api_error(JsErr::atomic_invalid_id));
  const std::optional<uint64_t> seq = asks.number(Header::batch_sequence);
  if (!seq) return refused(api_error(JsErr::atomic_missing_seq));
  const std::string_view commit = asks[Header::batch_commit];
  const bool at_end = commit == kEndOfBatch;
  // What only marks the end is none of the batch's messages.
  const uint64_t size = *seq - (at_end && *seq > 0 ? 1 : 0);

  auto found = batches_.find(id);
  if (found == batches_.end()) {
    if (*seq != 1)
      return refused(size > kMessagesMax ? too_large() : api_error(JsErr::atomic_incomplete));
    if (batches_.size() >= kOpenMax || room_.open >= kOpenOfReactorMax)
      return refused(api_error(JsErr::atomic_too_many));
    found = batches_.emplace(id, Batch()).first;
    found->second.until_ns = now_ns + kIdleNs;
    ++room_.open;
  }
  Batch& batch = found->second;
  if (asks.has(Header::batch_commit) && !at_end && commit != "1")
    return drop(found, api_error(JsErr::atomic_invalid_commit));
  const std::string_view level = asks[Header::required_api_level];
  if (requires_higher_level(headers))
    return drop(found, api_error(JsErr::required_api_level), kBatchUnsupported);
  if (now_ns >= batch.until_ns || ++batch.count != *seq || (*seq == 1 && at_end))
    return drop(found, api_error(JsErr::atomic_incomplete), kBatchIncomplete);
  batch.until_ns = now_ns + kIdleNs;
  if (size > kMessagesMax) return drop(found, too_large(), kBatchLarge);

  if (!at_end) {
    Message message{std::string(subject), std::string(headers), std::string(payload)};
    if (!level.empty()) proto::remove_header(message.headers, "Nats-Required-Api-Level");
    const uint64_t bytes = kMessageCost + subject.size() + message.headers.size() + payload.size();
    if (bytes > room_.bytes_max - std::min(room_.bytes, room_.bytes_max))
      return drop(found, api_error(JsErr::atomic_too_many), kBatchLarge);
    room_.bytes += bytes;
    batch.bytes += bytes;
    batch.messages.push_back(std::move(message));
  }
  Step step;
  if (commit.empty()) return step;
  step.kind = Step::Kind::commit;
  step.messages = std::move(batch.messages);
  erase(found);
  // The last message says that it is.
  if (at_end) proto::append_header(step.messages.back().headers, "Nats-Batch-Commit", "1");
  return step;
}

int64_t AtomicBatches::next_ns() const {
  int64_t next_ns = 0;
  for (const auto& [id, batch] : batches_)
    if (next_ns == 0 || batch.until_ns < next_ns) next_ns = batch.until_ns;
  return next_ns;
}

std::vector<AtomicBatches::Abandoned> AtomicBatches::run_out(int64_t now_ns) {
  std::vector<Abandoned> gone;
  for (auto batch = batches_.begin(); batch != batches_.end();) {
    const auto next = std::next(batch);
    if (batch->second.until_ns <= now_ns) {
      gone.push_back({batch->first, kBatchTimeout});
      erase(batch);
    }
    batch = next;
  }
  return gone;
}

void AtomicBatches::clear() {
  while (!batches_.empty()) erase(batches_.begin());
}

}  // namespace pipit::js
