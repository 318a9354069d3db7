// The work behind of FileStore: indexes of sealed segments, segments written once more, the search
// for damage. Sealed segments do not change but by erasure, so all reading and writing is done
// without the lock; what happened meanwhile is looked at again before the result is taken.
#include <algorithm>
#include <set>

#include "jetstream/store/file_store.h"
#include "jetstream/store/segment_scan.h"

namespace pipit::js::store {

struct FileStore::Rewrite {
  struct Source {
    std::shared_ptr<Segment> segment;
    uint32_t erased = 0;
    std::string bytes;
  };
  struct Target {
    int64_t ids_after_ns = 0;  // younger ids go along, also those of what is deleted
    std::shared_ptr<Part> part;
    std::vector<std::shared_ptr<Part>> sources;
    std::vector<std::shared_ptr<Part>> copied;  // by entry of the target: where it was
  };
  // A stream's parts, with what was deleted when they were chosen.
  struct Wanted {
    std::shared_ptr<Part> part;
    std::shared_ptr<Index> index;
    SequenceSet gone;
  };
  std::vector<Source> sources;
  std::map<StreamId, std::vector<Wanted>> wanted;
  std::shared_ptr<Segment> segment;
  std::map<StreamId, Target> targets;
  std::vector<std::pair<StreamId, uint64_t>> damaged;
};

bool FileStore::tidy() {
  if (roll_for_space() || write_an_index() || rewrite_some()) return true;
  keep_reserve();
  return false;
}

bool FileStore::write_an_index() {
  std::shared_ptr<Segment> segment;
  LiveParts parts;
  {
    const std::lock_guard lock(mutex_);
    if (unindexed_.empty()) return false;
    segment = unindexed_.front();
    parts = segment->live_parts;
  }
  const bool written =
      parts.empty() || segment->poisoned ||  // that one was written and synced
      SegmentFiles::write_index(vfs_, *segment, SegmentFiles::encode(*segment, parts)).ok();
  const std::lock_guard lock(mutex_);
  // One that could not be written is made from the segment when it is wanted.
  files_.forget(*segment);
  std::erase(unindexed_, segment);
  segment->live_parts.clear();
  for (const auto& [id, stream] : state_.streams)
    for (const auto& part : stream->parts)
      if (part->segment == segment) part->live_index.reset();
  return written || !unindexed_.empty();
}

bool FileStore::roll_for_space() {
  const std::lock_guard lock(mutex_);
  uint64_t dead = 0;
  const int64_t now = dead_at();
  for (const auto& segment : state_.segments)
    if (segment->is_dead(now) && segment != state_.segments.back()) dead += segment->capacity;
  if (dead == 0 || !pending_.empty()) return false;
  // Publishers who try again and again would keep a full disk blocked, and this is what ends it.
  if (!full_ && clock_.monotonic_ns() < blocked_until_ns_) return false;
  if (!full_ && dead < 4 * options_.segment_bytes) return false;
  must_roll_ = true;
  batch_for(0, false);
  return true;
}

bool FileStore::rewrite_some() {
  auto rewrite = choose_rewrite();
  if (!rewrite) return false;
  if (!copy(*rewrite)) {
    (void)vfs_.remove(SegmentFiles::data_name(rewrite->segment->id));
    (void)vfs_.remove(SegmentFiles::index_name(rewrite->segment->id));
    return false;
  }
  adopt(*rewrite);
  return true;
}

std::optional<FileStore::Rewrite> FileStore::choose_rewrite() {
  const std::lock_guard lock(mutex_);
  std::map<const Segment*, uint32_t> streams;
  for (const auto& [id, stream] : state_.streams)
    for (const auto& part : stream->parts) streams[part->segment.get()] += part->live > 0;
  const auto small = [&](const Segment& segment) {
    return segment.live_bytes < options_.segment_bytes / 4;
  };
  const auto wanting = [&](const Segment& segment) {
    const bool interleaved = !segment.sorted && streams[&segment] > 1 &&
                             segment.live_bytes / std::max(1u, segment.live) < (32u << 10);
    return segment.poisoned || segment.live_bytes < segment.counted / 2 || interleaved;
  };
  const int64_t now = dead_at();
  std::vector<std::shared_ptr<Segment>> run;
  uint64_t total = 0, to_read = 0;
  for (const auto& segment : state_.segments) {
    if (segment == written_to_) break;  // it and what may be planned behind it are not all written
    const bool usable = !segment->is_dead(now) && std::find(unindexed_.begin(), unindexed_.end(),
                                                            segment) == unindexed_.end();
    // Dead ones in between do not part a run, unless they may yet be called back.
    if (segment->is_dead(now) && pending_.empty()) continue;
    const bool joins = usable && (wanting(*segment) || small(*segment)) &&
                       total + segment->live_bytes <= options_.segment_bytes &&
                       to_read + segment->end <= 2 * options_.segment_bytes;
    if (joins) {
      run.push_back(segment);
      total += segment->live_bytes;
      to_read += segment->end;
      continue;
    }
    if (run.size() > 1 || (run.size() == 1 && wanting(*run.front()))) break;
    run.clear();
    total = to_read = 0;
    if (usable && wanting(*segment)) {
      run.push_back(segment);
      break;
    }
  }
  if (run.empty() || (run.size() == 1 && !wanting(*run.front()))) return {};

  Rewrite rewrite;
  for (const auto& segment : run) {
    rewrite.sources.push_back({segment, segment->erased, {}});
  }
  for (const auto& [id, stream] : state_.streams) {
    for (const auto& part : stream->parts) {
      if (std::find(run.begin(), run.end(), part->segment) == run.end()) continue;
      SequenceSet gone = part->gone;  // certainly: pending deletions may be taken back
      for (auto batch = pending_.rbegin(); batch != pending_.rend(); ++batch) {
        for (auto step = batch->undo.rbegin(); step != batch->undo.rend(); ++step) {
          if (step->kind == UndoStep::Kind::remove_part && step->part == part) gone = step->gone;
          if (step->kind != UndoStep::Kind::remove || step->stream != id ||
              step->seq < part->first_seq || step->seq > part->last_seq)
            continue;
          gone.erase(step->seq);
        }
      }
      rewrite.wanted[id].push_back({part, nullptr, std::move(gone)});
      rewrite.targets[id].ids_after_ns = now - stream->settings.duplicate_window_ns;
    }
  }
  rewrite.segment = std::make_shared<Segment>();
  rewrite.segment->id = state_.next_segment++;
  rewrite.segment->key = vfs_.random();
  rewrite.segment->sorted = true;
  return rewrite;
}

Result<void> FileStore::copy(Rewrite& rewrite) {
  std::map<const Segment*, const Rewrite::Source*> sources;
  for (Rewrite::Source& source : rewrite.sources) {
    auto file = files_.data(*source.segment);
    if (!file) return file.take_error();
    auto bytes = SegmentFiles::load(*file.value(), source.segment->end);
    if (!bytes) return bytes.take_error();
    source.bytes = std::move(bytes).value();
    sources[source.segment.get()] = &source;
  }
  Segment& segment = *rewrite.segment;
  std::string out(kSegmentHeader, '\0');
  BatchHeader batch;
  bool ids_outlive = false;  // then the index cannot be made again from the records
  size_t batch_start = 0;
  const auto end_batch = [&] {
    if (batch.count == 0) return;
    batch.length = static_cast<uint32_t>(out.size() - batch_start);
    write_batch_header(out.data() + batch_start, batch, segment.key, batch_start);
    batch.count = 0;
  };
  for (auto& [id, wanted] : rewrite.wanted) {
    Rewrite::Target& target = rewrite.targets[id];
    target.part = std::make_shared<Part>();
    target.part->segment = rewrite.segment;
    target.part->live_index = std::make_shared<LiveIndex>();
    std::set<uint64_t> with_id;
    for (Rewrite::Wanted& from : wanted) {
      target.sources.push_back(from.part);
      auto index = files_.index(from.part->segment, from.part->count, id);
      if (!index) return index.take_error();
      from.index = std::move(index).value();
      const Rewrite::Source& source = *sources.at(from.part->segment.get());
      for (uint32_t i = 0; i < from.index->size(); ++i) {
        auto entry = from.index->entry(i);
        if (!entry) return entry.take_error();
        if (from.gone.contains(entry.value().seq)) continue;
        const uint64_t offset = entry.value().offset;
        const Bytes rest = std::as_bytes(std::span(source.bytes))
                               .subspan(std::min<size_t>(offset, source.bytes.size()));
        auto parsed = read_record(rest, source.segment->key, offset, options_.verify);
        if (!parsed || !parsed->body_good) {
          rewrite.damaged.emplace_back(id, entry.value().seq);
          continue;
        }
        if (batch.count > 0 && out.size() - batch_start > (1u << 20)) end_batch();
        if (batch.count == 0) {
          batch_start = out.size();
          out.resize(out.size() + kBatchHeader);
          ++batch.number;
        }
        Record record = parsed->record;
        record.batch = batch.number;
        // What was in between is not in this segment; that it is not lost is known already.
        record.evicts = 0;
        record.group_first = record.group_last = 0;
        const size_t at = out.size();
        write_record(out, record, segment.key, at);
        ++batch.count;
        batch.stream = id;
        batch.last_seq = record.seq;
        target.part->live_index->add(record, at, entry.value().bytes);
        target.copied.push_back(from.part);
        if (record.id) with_id.insert(record.seq);
      }
    }
    for (Rewrite::Wanted& from : wanted) {
      for (uint32_t i = 0; i < from.index->ids(); ++i) {
        auto row = from.index->id(i);
        if (!row) return row.take_error();
        if (row.value().ts_ns <= target.ids_after_ns || with_id.contains(row.value().seq)) continue;
        target.part->live_index->add_id(row.value());
        ids_outlive = true;
      }
    }
  }
  end_batch();
  segment.end = out.size();
  segment.capacity = out.size();
  std::string header;
  write_segment_header(header, {segment.id, segment.key, segment.capacity});
  out.replace(0, kSegmentHeader, header);
  auto file = vfs_.open(SegmentFiles::data_name(segment.id), Vfs::Mode::create);
  if (!file) return file.take_error();
  PIPIT_TRY(write_all(*file.value(), std::as_bytes(std::span(out)), 0));
  PIPIT_TRY(file.value()->sync());
  PIPIT_TRY(vfs_.sync_names());
  LiveParts parts;
  for (const auto& [id, target] : rewrite.targets) parts[id] = target.part->live_index;
  return SegmentFiles::write_index(vfs_, segment, SegmentFiles::encode(segment, parts),
                                   ids_outlive);
}

void FileStore::adopt(Rewrite& rewrite) {
  const std::lock_guard lock(mutex_);
  bool good = true;
  for (const Rewrite::Source& source : rewrite.sources)
    good = good && source.segment->erased == source.erased;
  // A deletion of a whole part that may yet be taken back names the part itself.
  for (const Batch& batch : pending_)
    for (const UndoStep& step : batch.undo)
      for (const auto& [id, target] : rewrite.targets)
        for (const auto& part : target.sources)
          good = good && !(step.kind == UndoStep::Kind::remove_part && step.part == part);
  // All of a source may have been deleted, and the source given up.
  for (const Rewrite::Source& source : rewrite.sources)
    good = good && std::find(state_.segments.begin(), state_.segments.end(), source.segment) !=
                       state_.segments.end();
  if (!good) {
    (void)vfs_.remove(SegmentFiles::data_name(rewrite.segment->id));
    (void)vfs_.remove(SegmentFiles::index_name(rewrite.segment->id));
    return;
  }
  bool ids = false;
  for (auto& [id, target] : rewrite.targets) {
    Stream* const stream = state_.find(id);
    if (!stream) continue;  // deleted meanwhile
    stream->subjects.reset();
    stream->first.reset();
    Part& part = *target.part;
    const auto& entries = part.live_index->entries();
    part.count = static_cast<uint32_t>(entries.size());
    uint64_t messages = 0, bytes = 0;
    for (uint32_t i = 0; i < part.count; ++i) {
      rewrite.segment->counted += entries[i].bytes;
      if (target.copied[i]->gone.contains(entries[i].seq)) {
        part.gone.insert({entries[i].seq, entries[i].seq});
        continue;
      }
      ++messages;
      bytes += entries[i].bytes;
    }
    part.live = static_cast<uint32_t>(messages);
    part.live_bytes = bytes;
    rewrite.segment->live += part.live;
    rewrite.segment->live_bytes += bytes;
    part.first_seq = target.sources.front()->first_seq;
    part.last_seq = target.sources.back()->last_seq;
    part.ids = part.live_index->ids();
    for (const auto& source : target.sources)
      part.newest_ns = std::max(part.newest_ns, source->newest_ns);
    part.forget_cursors();
    if (part.ids > 0) ids = true;
    part.live_index.reset();
    const auto first =
        stream->parts.begin() + static_cast<ptrdiff_t>(stream->part_at(part.first_seq));
    auto at = stream->parts.insert(first, target.part) + 1;
    while (at != stream->parts.end() && (*at)->last_seq <= part.last_seq) {
      (*at)->segment->live -= (*at)->live;
      (*at)->segment->live_bytes -= (*at)->live_bytes;
      stream->messages -= (*at)->live;
      stream->bytes -= (*at)->live_bytes;
      at = stream->parts.erase(at);
    }
    stream->messages += messages;
    stream->bytes += bytes;
  }
  for (const Rewrite::Source& source : rewrite.sources) {
    if (ids)
      rewrite.segment->ids_until_ns =
          std::max(rewrite.segment->ids_until_ns, source.segment->ids_until_ns);
    source.segment->ids_until_ns = 0;
  }
  for (const auto& [id, seq] : rewrite.damaged) {
    Stream* const stream = state_.find(id);
    if (!stream) continue;
    state_.lose(*stream, {seq, seq});
    lost_.emplace_back(id, SequenceRange{seq, seq});
    for (const Rewrite::Source& source : rewrite.sources) source.segment->damaged = true;
    if (on_pending) on_pending();
  }
  const auto place =
      std::find(state_.segments.begin(), state_.segments.end(), rewrite.sources.front().segment);
  state_.segments.insert(place, rewrite.segment);
}

bool FileStore::scrub() {
  std::shared_ptr<Segment> segment;
  std::shared_ptr<File> file;
  uint64_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& candidate : state_.segments) {
      if (candidate == written_to_) break;
      if (candidate->live > 0 && candidate->id > scrub_after_ &&
          (!segment || candidate->id < segment->id))
        segment = candidate;
    }
    if (!segment) {
      scrub_after_ = 0;
      return false;
    }
    scrub_after_ = segment->id;
    end = segment->end;
    auto opened = files_.data(*segment);
    if (!opened) return true;
    file = opened.value();
  }
  auto bytes = SegmentFiles::load(*file, end);
  if (!bytes) return true;
  std::map<StreamId, std::vector<uint64_t>> good;
  SegmentScan scan(std::as_bytes(std::span(bytes.value())), segment->key, options_.verify);
  for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;)
    if (found == SegmentScan::Found::record && scan.parsed().body_good &&
        scan.parsed().record.kind == RecordKind::message)
      good[scan.parsed().record.stream].push_back(scan.parsed().record.seq);

  const std::lock_guard lock(mutex_);
  for (const auto& [id, stream] : state_.streams) {
    std::vector<uint64_t> missing;
    for (const auto& part : stream->parts) {
      if (part->segment != segment || part->live == 0) continue;
      const std::vector<uint64_t>& found = good[id];  // rises, as sequences do
      for (uint64_t seq = part->first_seq; seq <= part->last_seq;) {
        auto place = state_.next_match(*stream, {}, seq, part->last_seq);
        if (!place || !place.value()) break;
        seq = place.value()->index.seq;
        if (!std::binary_search(found.begin(), found.end(), seq)) missing.push_back(seq);
        ++seq;
      }
    }
    for (const uint64_t seq : missing) {
      if (!state_.remove(*stream, {seq, seq}, nullptr)) continue;
      state_.lose(*stream, {seq, seq});
      lost_.emplace_back(id, SequenceRange{seq, seq});
      segment->damaged = true;
      if (on_pending) on_pending();
    }
  }
  return true;
}

Result<void> FileStore::close() {
  const auto failed = [this]() -> Result<void> {
    const std::lock_guard lock(mutex_);
    if (clock_.monotonic_ns() < blocked_until_ns_) return blocked_by_;
    return {};
  };
  while (turn()) PIPIT_TRY(failed());
  {
    const std::lock_guard lock(mutex_);
    must_roll_ = true;
    batch_for(0, false).wants_sync = true;
  }
  while (turn()) PIPIT_TRY(failed());
  while (write_an_index()) {
  }
  return {};
}

}  // namespace pipit::js::store
