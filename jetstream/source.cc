#include "jetstream/source.h"

#include <algorithm>

#include "jetstream/mirror.h"
#include "jetstream/stream.h"
#include "protocol/header_edit.h"
#include "protocol/headers.h"

namespace pipit::js {

// What is in memory does not outlive the process, so nothing has to be found again.
bool Source::keeps_notes() const {
  return world_.notes != nullptr && stream_->config.storage != StorageKind::memory;
}

// All up to this sequence of the origin has been brought; 0: nothing is known to be.
uint64_t Source::copied_through() const {
  const auto state = stream_->store->state(stream_->id);
  if (!state) return 0;
  std::optional<SourceNotes::Note> note;
  if (keeps_notes()) note = world_.notes->find(stream_->id, key_);
  const uint64_t noted = note ? note->stream_seq : 0;
  const uint64_t first = std::max(state.value().first_seq, noted + 1);
  for (uint64_t seq = state.value().last_seq; seq >= first; --seq) {
    const auto message = stream_->store->read(stream_->id, seq);
    if (!message) continue;
    const auto header = proto::header_value(message.value().headers, kStreamSource);
    if (!header) continue;
    if (const auto copied = source_seq(*header, key_)) return *copied;
  }
  return note ? note->next - 1 : 0;
}

void Source::at_rest(uint64_t next, uint64_t /*lag*/) {
  if (!keeps_notes()) return;
  const auto state = stream_->store->state(stream_->id);
  if (!state || state.value().committed_seq < noted_ + world_.note_every) return;
  noted_ = state.value().committed_seq;
  world_.notes->write(stream_->id, key_, {noted_, next});
}

uint64_t Source::begin(const StreamSetup& origin, const store::StreamState& state) {
  if (const uint64_t copied = copied_through(); copied > 0) return copied + 1;
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
