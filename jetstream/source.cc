#include "jetstream/source.h"

#include <algorithm>

#include "jetstream/mirror.h"
#include "jetstream/stream.h"
#include "protocol/header_edit.h"
#include "protocol/headers.h"

namespace pipit::js {

// Of the newest message that came from here; 0: there is none.
uint64_t Source::last_copied() const {
  const auto state = stream_->store->state(stream_->id);
  if (!state || state.value().messages == 0) return 0;
  for (uint64_t seq = state.value().last_seq; seq >= state.value().first_seq && seq > 0; --seq) {
    const auto message = stream_->store->read(stream_->id, seq);
    if (!message) continue;
    const auto header = proto::header_value(message.value().headers, kStreamSource);
    if (!header) continue;
    if (const auto copied = source_seq(*header, key_)) return *copied;
  }
  return 0;
}

uint64_t Source::begin(const StreamSetup& origin, const store::StreamState& state) {
  if (const uint64_t copied = last_copied(); copied > 0) return copied + 1;
  if (source_.opt_start_seq > 0) return clamped_start(state, source_.opt_start_seq);
  // What was copied may be gone by limits or a purge: then what is older than our newest message
  // has been copied.
  const auto own = stream_->store->state(stream_->id);
  int64_t since_ns = source_.opt_start_time ? source_.opt_start_time->unix_ns() : 0;
  if (own && own.value().last_ts_ns != 0 && (source_.opt_start_time || own.value().first_seq > 1))
    since_ns = source_.opt_start_time && since_ns >= own.value().last_ts_ns
                   ? since_ns
                   : own.value().last_ts_ns;
  if (!source_.opt_start_time && since_ns == 0) return clamped_start(state, 0);
  const auto first = origin.store->first_since(origin.id, since_ns);
  return clamped_start(state, first ? first.value() : 0);
}

void Source::adapt(store::StoredMessage& message) {
  proto::remove_header(message.headers, kStreamSource);
  proto::remove_headers_beginning(message.headers, "Nats-Expected-");
  proto::remove_headers_beginning(message.headers, "Nats-Batch-");
  proto::append_header(message.headers, kStreamSource,
                       source_header(source_, message.seq, message.subject));
  origin_.rename(message.subject);
}

CopyOutcome Source::hand_over(Stream& stream, const Copies& copies) const {
  const auto& sources = stream.setup().config.sources;
  if (std::ranges::find(sources, source_) == sources.end()) return {.moved = true};
  return stream.source(copies);
}

}  // namespace pipit::js
