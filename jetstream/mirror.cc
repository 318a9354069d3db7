#include "jetstream/mirror.h"

#include <algorithm>

#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/header_edit.h"

namespace pipit::js {

uint64_t clamped_start(const store::StreamState& origin, uint64_t wanted) {
  const uint64_t first = std::max<uint64_t>(origin.first_seq, 1);
  return std::clamp(wanted, first, std::max(first, origin.last_seq + 1));
}

uint64_t configured_start(const StreamSource& source, const StreamSetup& origin,
                          const store::StreamState& state) {
  if (source.opt_start_seq > 0) return clamped_start(state, source.opt_start_seq);
  if (!source.opt_start_time) return clamped_start(state, 0);
  const auto since = origin.store->first_since(origin.id, source.opt_start_time->unix_ns());
  return clamped_start(state, since ? since.value() : 0);
}

uint64_t Mirror::begin(const StreamSetup& origin, const store::StreamState& state) {
  const auto found = stream_->store->state(stream_->id);
  const store::StreamState own = found ? found.value() : store::StreamState();
  last_seq_ = own.last_seq;
  const bool unused = own.messages == 0 && own.last_seq == 0;
  const uint64_t start = unused ? configured_start(source_, origin, state)
                                : std::max(own.last_seq + 1, state.first_seq);
  skip_to_ = start - 1 > last_seq_ ? start - 1 : 0;
  return start;
}

void Mirror::adapt(store::StoredMessage& message) {
  proto::remove_headers_beginning(message.headers, "Nats-Expected-");
  proto::remove_headers_beginning(message.headers, "Nats-Batch-");
  origin_.rename(message.subject);
}

CopyOutcome Mirror::hand_over(Stream& stream, const Copies& copies) const {
  if (!stream.setup().config.mirror) return {.moved = true};  // promoted
  return stream.mirror(copies);
}

void Mirror::prepare(Copies& copies) {
  copies.last_seq = last_seq_;
  copies.skip_to = skip_to_;
}

void Mirror::taken(const CopyOutcome& outcome) {
  last_seq_ = outcome.last_seq;
  if (last_seq_ >= skip_to_) skip_to_ = 0;
}

void Mirror::at_rest(uint64_t, uint64_t lag) {
  constexpr uint64_t kNear = 10;  // as on nats-server
  if (is_near_ || lag >= kNear) return;
  is_near_ = world_.homes.run(world_.homes.of(stream_->name()), [stream = stream_](Shard& shard) {
    if (Stream* const mirror = shard.find(stream->name())) mirror->is_near_origin();
  });
}

}  // namespace pipit::js
