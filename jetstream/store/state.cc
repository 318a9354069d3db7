#include "jetstream/store/state.h"

#include <algorithm>

namespace pipit::js::store {

void Part::forget_cursors() {
  age_seq = 0;
  age_ns = kUnknown;
  expiry_ns = kUnknown;
}

void Part::take(SequenceRange range, bool under_way) {
  if (under_way)  // but what went before
    for (uint64_t seq = gone.next_absent(range.first); seq <= range.last;) {
      const uint64_t end = std::min(gone.next_present(seq) - 1, range.last);
      leaving.insert({seq, end});
      seq = gone.next_absent(end + 1);
    }
  gone.insert(range);
}

Result<uint32_t> Part::next_live(Index& index, uint32_t number, IndexEntry& entry,
                                 View view) const {
  while (number < index.size()) {
    auto there = index.entry(number);
    if (!there) return there.take_error();
    entry = there.value();
    uint64_t seq = gone.next_absent(entry.seq);
    if (view == View::committed && seq != entry.seq)
      seq = std::min(seq, leaving.next_present(entry.seq));
    if (seq == entry.seq) return number;
    if (seq > last_seq) return index.size();
    auto next = index.lower_bound(seq);
    if (!next) return next;
    number = std::max(number + 1, next.value());
  }
  return index.size();
}

bool Stream::is_lost(uint64_t seq) const {
  const auto found =
      std::lower_bound(lost.begin(), lost.end(), seq,
                       [](SequenceRange range, uint64_t value) { return range.last < value; });
  return found != lost.end() && found->first <= seq;
}

size_t Stream::part_at(uint64_t seq) const {
  const auto found =
      std::lower_bound(parts.begin(), parts.end(), seq,
                       [](const auto& part, uint64_t value) { return part->last_seq < value; });
  return static_cast<size_t>(found - parts.begin());
}

Result<std::shared_ptr<Index>> State::index(const Part& part, StreamId stream, Patience patience) {
  if (part.live_index) return std::shared_ptr<Index>(part.live_index);
  return index_of_(part, stream, patience);
}

// Keeps the number of subjects while that is cheap: if the newest messages of the part tell, or the
// stream has no other part.
void State::count_subject(Stream& stream, const Part& part, std::string_view subject) {
  if (!stream.subjects) return;
  auto row = part.live_index->find(subject);
  uint32_t entry = row.value() == kNone ? kNone : part.live_index->rows()[row.value()].last;
  for (int looked = 0; looked < 8 && entry != kNone; ++looked) {
    if (!part.gone.contains(part.live_index->entries()[entry].seq)) return;
    entry = part.live_index->entries()[entry].prev;
  }
  if (entry == kNone && stream.messages == part.live)
    ++*stream.subjects;
  else
    stream.subjects.reset();
}

void State::append(Stream& stream, const Record& record, uint64_t offset, bool body_good,
                   Undo* undo) {
  if (undo)
    undo->push_back(
        {UndoStep::Kind::append, stream.id, stream.last_seq, stream.last_ts_ns, {}, {}, {}});
  if (stream.parts.empty() || stream.parts.back()->segment != segments.back()) {
    auto part = std::make_shared<Part>();
    part->segment = segments.back();
    part->live_index = std::make_shared<LiveIndex>();
    part->first_seq = record.seq;
    part->segment->live_parts[stream.id] = part->live_index;
    stream.parts.push_back(std::move(part));
  }
  Part& part = *stream.parts.back();
  if (body_good) count_subject(stream, part, record.subject);
  const uint64_t bytes = body_good ? record.counted() : 0;
  part.live_index->add(body_good ? record : bare(record), offset, bytes);
  part.last_seq = record.seq;
  part.newest_ns = std::max(part.newest_ns, record.ts_ns);
  part.ids = part.live_index->ids();
  if (body_good && record.id)
    part.segment->ids_until_ns =
        std::max(part.segment->ids_until_ns, record.ts_ns + stream.settings.duplicate_window_ns);
  if (body_good && record.expires_ns != 0)
    part.expiry_ns = std::min(part.expiry_ns, record.expires_ns);
  if (record.expires_ns != kNeverExpires && part.age_ns == kNeverExpires) {
    part.age_seq = record.seq;
    part.age_ns = record.ts_ns;
  }
  ++part.count;
  ++part.live;
  part.live_bytes += bytes;
  ++part.segment->live;
  part.segment->live_bytes += bytes;
  part.segment->counted += bytes;
  ++stream.messages;
  stream.bytes += bytes;
  stream.last_seq = record.seq;
  stream.last_ts_ns = record.ts_ns;
  if (!body_good) {
    part.gone.insert({record.seq, record.seq});
    count_removed(stream, part, 1, 0);
    lose(stream, {record.seq, record.seq});
  }
}

void State::count_removed(Stream& stream, Part& part, uint64_t messages, uint64_t bytes) {
  stream.subjects.reset();
  part.live -= static_cast<uint32_t>(messages);
  part.live_bytes -= bytes;
  part.segment->live -= static_cast<uint32_t>(messages);
  part.segment->live_bytes -= bytes;
  stream.messages -= messages;
  stream.bytes -= bytes;
}

Result<uint64_t> State::remove(Stream& stream, SequenceRange range, Undo* undo) {
  uint64_t removed = 0;
  if (stream.first && range.first <= stream.first->seq && stream.first->seq <= range.last)
    stream.first.reset();
  for (size_t i = stream.part_at(range.first); i < stream.parts.size(); ++i) {
    const std::shared_ptr<Part> part = stream.parts[i];
    if (part->first_seq > range.last) break;
    if (part->live == 0) continue;
    if (range.first <= part->first_seq && range.last >= part->last_seq) {
      if (undo)
        undo->push_back({UndoStep::Kind::remove_part,
                         stream.id,
                         part->last_seq,
                         0,
                         part,
                         part->gone,
                         {},
                         part->live,
                         part->live_bytes});
      removed += part->live;
      part->take({part->first_seq, part->last_seq}, undo != nullptr);
      count_removed(stream, *part, part->live, part->live_bytes);
      continue;
    }
    auto index = this->index(*part, stream.id);
    if (!index) return index.take_error();
    auto start = index.value()->lower_bound(range.first);
    if (!start) return start.take_error();
    IndexEntry entry;
    uint64_t before = 0;  // nothing is between two entries, so that what goes is one run
    for (uint32_t number = start.value();; ++number) {
      auto next = part->next_live(*index.value(), number, entry);
      if (!next) return next.take_error();
      if (next.value() >= index.value()->size() || entry.seq > range.last) break;
      if (undo)
        undo->push_back(
            {UndoStep::Kind::remove, stream.id, entry.seq, 0, {}, {}, {}, 1, entry.bytes});
      part->take({next.value() == number && before != 0 ? before + 1 : entry.seq, entry.seq},
                 undo != nullptr);
      count_removed(stream, *part, 1, entry.bytes);
      ++removed;
      number = next.value();
      before = entry.seq;
    }
  }
  return removed;
}

void State::lose(Stream& stream, SequenceRange range) {
  auto& lost = stream.lost;
  lost.push_back(range);
  std::sort(lost.begin(), lost.end(), [](auto a, auto b) { return a.first < b.first; });
  size_t kept = 0;
  for (size_t i = 1; i < lost.size(); ++i) {
    if (lost[i].first <= lost[kept].last + 1)
      lost[kept].last = std::max(lost[kept].last, lost[i].last);
    else
      lost[++kept] = lost[i];
  }
  lost.resize(kept + 1);
}

Result<void> State::apply(const Record& record, uint64_t offset, bool body_good, Undo* undo,
                          bool again) {
  if (record.kind == RecordKind::stream_drop) {
    const auto found = streams.find(record.stream);
    if (found == streams.end()) return {};
    const std::shared_ptr<Stream> stream = found->second;
    auto removed = remove(*stream, {0, ~uint64_t{0}}, undo);
    if (!removed) return removed.take_error();
    if (undo) undo->push_back({UndoStep::Kind::drop, record.stream, 0, 0, {}, {}, stream});
    streams.erase(found);
    return {};
  }

  std::shared_ptr<Stream>& slot = streams[record.stream];
  if (!slot) {
    slot = std::make_shared<Stream>();
    slot->id = record.stream;
    slot->last_seq = slot->committed_seq = record.prev_seq;
    next_stream = std::max(next_stream, record.stream + 1);
    if (undo) undo->push_back({UndoStep::Kind::create, record.stream, 0, 0, {}, {}, {}});
  }
  Stream& stream = *slot;
  if (record.prev_seq > stream.last_seq) {
    lose(stream, {stream.last_seq + 1, record.prev_seq});
    stream.last_seq = record.prev_seq;
  }
  switch (record.kind) {
    case RecordKind::message: {
      const auto subjects = stream.subjects;
      append(stream, record, offset, body_good, undo);
      if (record.evicts != 0) {
        auto removed = remove(stream, {record.evicts, record.evicts}, undo);
        if (!removed) return removed.take_error();
      }
      if (again) stream.subjects = subjects;  // what went has the same one
      return {};
    }
    case RecordKind::remove: {
      // A deletion that cannot be read deletes nothing; its messages come back.
      if (!body_good) return {};
      for (size_t at = 0; at + 16 <= record.payload.size(); at += 16) {
        const SequenceRange range{get<uint64_t>(record.payload.data() + at),
                                  get<uint64_t>(record.payload.data() + at + 8)};
        auto removed = remove(stream, range, undo);
        if (!removed) return removed.take_error();
        // What somebody deleted is not missed.
        const auto is_in = [&](SequenceRange lost) {
          return lost.first >= range.first && lost.last <= range.last;
        };
        if (std::none_of(stream.lost.begin(), stream.lost.end(), is_in)) continue;
        if (undo) {
          auto before = std::make_shared<Stream>();
          before->lost = stream.lost;
          undo->push_back({UndoStep::Kind::found, stream.id, 0, 0, {}, {}, before});
        }
        std::erase_if(stream.lost, is_in);
      }
      return {};
    }
    case RecordKind::stream_put: {
      if (undo) {
        auto before = std::make_shared<Stream>();
        before->name = stream.name;
        before->settings = stream.settings;
        undo->push_back({UndoStep::Kind::update, stream.id, stream.last_seq, 0, {}, {}, before});
      }
      if (body_good) {
        stream.name = record.subject;
        decode_settings(record.payload, stream.settings);
      }
      stream.last_seq = std::max(stream.last_seq, record.seq);
      return {};
    }
    case RecordKind::skip:
      if (undo)
        undo->push_back({UndoStep::Kind::append,
                         stream.id,
                         stream.last_seq,
                         stream.last_ts_ns,
                         std::make_shared<Part>(),
                         {},
                         {}});
      stream.last_seq = std::max(stream.last_seq, record.seq);
      return {};
    case RecordKind::stream_drop:
      break;
  }
  return {};
}

void State::roll(std::shared_ptr<Segment> segment, Undo* undo) {
  next_segment = std::max(next_segment, segment->id + 1);
  segments.push_back(std::move(segment));
  if (undo) undo->push_back({UndoStep::Kind::roll, 0, 0, 0, {}, {}, {}});
}

void State::restore(Stream& stream, Part& part, const UndoStep& step) {
  stream.first.reset();
  stream.subjects.reset();
  part.forget_cursors();
  part.live += static_cast<uint32_t>(step.messages);
  part.live_bytes += step.bytes;
  part.segment->live += static_cast<uint32_t>(step.messages);
  part.segment->live_bytes += step.bytes;
  stream.messages += step.messages;
  stream.bytes += step.bytes;
}

void State::let_go(const Undo& undo) {
  for (const UndoStep& step : undo) {
    if (step.kind == UndoStep::Kind::remove_part) step.part->leaving.erase_through(step.seq);
    if (step.kind != UndoStep::Kind::remove) continue;
    const auto stream = streams.find(step.stream);
    if (stream == streams.end()) continue;
    const auto& parts = stream->second->parts;
    const size_t i = stream->second->part_at(step.seq);
    if (i < parts.size()) parts[i]->leaving.erase(step.seq);
  }
}

void State::take_back(Undo& undo) {
  for (; !undo.empty(); undo.pop_back()) {
    UndoStep& step = undo.back();
    if (step.kind == UndoStep::Kind::roll) {
      segments.pop_back();
      continue;
    }
    if (step.kind == UndoStep::Kind::drop) {
      streams[step.stream] = step.before;
      continue;
    }
    Stream& stream = *streams.at(step.stream);
    switch (step.kind) {
      case UndoStep::Kind::append: {
        stream.last_seq = step.seq;
        stream.last_ts_ns = step.ts_ns;
        if (step.part) break;  // a skip
        stream.first.reset();
        stream.subjects.reset();
        Part& part = *stream.parts.back();
        const IndexEntry entry = part.live_index->entries().back();
        part.live_index->pop();
        part.ids = part.live_index->ids();
        part.forget_cursors();
        part.segment->counted -= entry.bytes;
        count_removed(stream, part, 1, entry.bytes);
        if (--part.count == 0) {
          part.segment->live_parts.erase(stream.id);
          stream.parts.pop_back();
        } else {
          part.last_seq = part.live_index->entries().back().seq;
        }
        break;
      }
      case UndoStep::Kind::remove: {
        Part& part = *stream.parts[stream.part_at(step.seq)];
        part.gone.erase(step.seq);
        part.leaving.erase(step.seq);
        restore(stream, part, step);
        break;
      }
      case UndoStep::Kind::remove_part:
        step.part->gone = std::move(step.gone);
        step.part->leaving.erase_through(step.seq);
        restore(stream, *step.part, step);
        break;
      case UndoStep::Kind::found:
        stream.lost = std::move(step.before->lost);
        break;
      case UndoStep::Kind::create:
        streams.erase(step.stream);
        break;
      case UndoStep::Kind::update:
        stream.name = step.before->name;
        stream.settings = step.before->settings;
        stream.last_seq = step.seq;
        break;
      default:
        break;
    }
  }
}

}  // namespace pipit::js::store
