// The reading half of FileStore: what open() makes of a directory, whatever happened to it.
#include <algorithm>
#include <cerrno>
#include <set>

#include "jetstream/store/checkpoint.h"
#include "jetstream/store/file_store.h"
#include "jetstream/store/segment_scan.h"

namespace pipit::js::store {
namespace {

constexpr uint64_t kReserve = 192u << 10;

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(Vfs& vfs, Clock& clock, StoreListener& listener,
                                                   const FileStoreOptions& options) {
  std::unique_ptr<FileStore> store(new FileStore(vfs, clock, listener, options));
  PIPIT_TRY(store->recover());
  return store;
}

Result<void> FileStore::recover() {
  auto names = vfs_.list();
  if (!names) return names.take_error();
  auto loaded = load_checkpoint(vfs_);
  if (!loaded) return loaded.take_error();
  report_.damaged_checkpoints = loaded.value().damaged;
  if (!loaded.value().checkpoint) {
    for (const std::string& name : names.value()) {
      if (!name.ends_with(".seg")) continue;
      // The first start may have been cut short, before anything was promised.
      auto file = vfs_.open(name, Vfs::Mode::existing);
      if (!file) return file.take_error();
      auto bytes = SegmentFiles::load(*file.value(), kSegmentHeader + kBatchHeader);
      if (!bytes) return bytes.take_error();
      if (bytes.value().find_first_not_of('\0', kSegmentHeader) < bytes.value().size())
        return Error{Errc::io, 0, "store", "there are segments but no checkpoint"};
    }
    return start_afresh();
  }
  PIPIT_TRY(state_.decode(loaded.value().checkpoint->body));
  state_.generation = loaded.value().checkpoint->generation;

  // What is listed and not there is lost; all else goes on.
  const std::set<std::string> there(names.value().begin(), names.value().end());
  for (auto& [id, stream] : state_.streams) {
    std::erase_if(stream->parts, [&, &stream = stream](const auto& part) {
      if (there.contains(SegmentFiles::data_name(part->segment->id))) return false;
      stream->messages -= part->live;
      stream->bytes -= part->live_bytes;
      part->segment->live -= part->live;
      part->segment->live_bytes -= part->live_bytes;
      const SequenceRange range{part->first_seq, part->last_seq};
      state_.lose(*stream, range);
      lost_.emplace_back(stream->id, range);
      return true;
    });
  }
  const std::shared_ptr<Segment> active = state_.segments.back();
  for (const auto& segment : state_.segments)
    report_.missing_segments += !there.contains(SegmentFiles::data_name(segment->id));
  std::erase_if(state_.segments, [&](const auto& segment) {
    return segment != active && !there.contains(SegmentFiles::data_name(segment->id));
  });

  std::set<StreamId> changed;  // their settings, since the checkpoint
  if (there.contains(SegmentFiles::data_name(active->id))) {
    PIPIT_TRY(replay(*active, changed));
  } else {
    report_.damaged_tail = true;
    jump_sequences(*active, kSegmentHeader);
  }
  settle_files(names.value());
  number_ = 0;
  written_to_ = active;
  committed_end_ = active->end;
  // What was active is sealed: nothing is ever written behind what was found.
  must_roll_ = half_begun_ = true;
  for (const auto& [id, stream] : state_.streams) stream->committed_seq = stream->last_seq;
  {
    const std::lock_guard lock(mutex_);
    batch_for(0, false);
  }
  Batch batch = std::move(pending_.front());
  pending_.pop_front();
  if (auto failure = write_batch(batch)) {
    // A full disk: readable, and the next call tries again.
    if (failure->error.sys_errno != ENOSPC) return failure->error;
    pending_.push_front(std::move(batch));
    fail_all(*failure);
    return {};
  }
  {
    const std::lock_guard lock(mutex_);
    commit(batch);
  }
  give_up(batch.given_up);
  // A record that went may have been the one that made room for what came after it, or for lower
  // limits.
  const bool damage = report_.damaged_tail || report_.cut_batch ||
                      report_.damaged_places + report_.damaged_bodies > 0;
  std::unique_lock lock(mutex_);
  for (const auto& [id, stream] : state_.streams) {
    if (!damage && !changed.contains(id)) continue;
    // What cannot be looked up now is not the reason to open nothing.
    if (auto over = over_subjects(*stream, stream->settings.max_msgs_per_subject); over)
      (void)put_removals(*stream, over.value(), false).ok();
    if (changed.contains(id)) (void)trim(*stream).ok();  // else the next message does it
  }
  for (Batch& trim : pending_) trim.wants_sync = true;
  bool more = !pending_.empty();
  while (more) {
    lock.unlock();
    turn();
    lock.lock();
    more = !pending_.empty();
  }
  return {};
}

Result<void> FileStore::start_afresh() {
  auto segment = std::make_shared<Segment>();
  segment->id = state_.next_segment;
  segment->key = vfs_.random();
  auto free = vfs_.free_bytes();
  if (!free) return free.take_error();
  segment->capacity =
      aligned(std::min(options_.segment_bytes, std::max<uint64_t>(64u << 10, free.value() / 4)));
  state_.roll(segment, nullptr);
  written_to_ = segment;
  PIPIT_TRY(create_segment_file(*segment, active_file_));
  state_.generation = 1;
  PIPIT_TRY(save_checkpoint(vfs_, {1, state_.encode(0)}));
  settle_files({});
  return {};
}

Result<void> FileStore::replay(Segment& segment, std::set<StreamId>& changed) {
  auto file = vfs_.open(SegmentFiles::data_name(segment.id), Vfs::Mode::existing);
  if (!file) return file.take_error();
  // What is in the kernel's cache only is to be counted as committed: it has to be on the disk.
  PIPIT_TRY(file.value()->sync());
  auto loaded = SegmentFiles::load(*file.value(), segment.capacity);
  if (!loaded) return loaded.take_error();
  const std::string bytes = std::move(loaded).value();
  const Bytes view = std::as_bytes(std::span(bytes));
  SegmentHeader header;
  const SegmentVerdict verdict = read_segment_header(view, header);
  if (verdict == SegmentVerdict::newer)
    return Error{Errc::not_built, 0, "store", "the store was written by a later version of Pipit"};

  std::map<StreamId, std::vector<SequenceRange>> known_lost;
  for (const auto& [id, stream] : state_.streams) known_lost[id] = stream->lost;
  const auto torn = torn_groups(view, segment.key, options_.verify);
  std::vector<Erase> erases;
  uint64_t damage_begin = ~uint64_t{0};
  const bool shortened = bytes.size() < segment.capacity;
  const bool intact = !shortened && verdict == SegmentVerdict::good && header.key == segment.key;
  // After a power cut the disk may hold any part of what was written, and of much more than one
  // batch.
  std::optional<CutBatch> cut;
  if (intact && header.boot != 0 && header.boot == vfs_.boot())
    cut = cut_batch(view, segment.key, options_.verify);
  report_.cut_batch = cut.has_value();
  SegmentScan scan(view, segment.key, options_.verify);
  for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;) {
    if (found == SegmentScan::Found::damage) {
      ++report_.damaged_places;
      damage_begin = std::min(damage_begin, scan.offset());
    }
    if (found != SegmentScan::Found::record) continue;
    const Record& record = scan.parsed().record;
    const bool of_torn = record.group_last != 0 && torn.contains(group_of(record));
    if (cut && record.batch == cut->number && (of_torn || scan.offset() >= cut->end)) {
      // Here ends what is whole: a group that was cut is the last thing in front of the cut.
      cut->end = scan.offset();
      break;
    }
    const bool good = scan.parsed().body_good && !of_torn;
    ++report_.records;
    report_.damaged_bodies += !good;
    if (record.kind == RecordKind::stream_put) changed.insert(record.stream);
    if (good && record.kind == RecordKind::remove && (record.flags & kEraseFlag) != 0) {
      // The power may have gone between the deletion and the overwriting.
      Stream* const stream = state_.find(record.stream);
      for (size_t at = 0; stream && at + 16 <= record.payload.size(); at += 16) {
        const uint64_t last = get<uint64_t>(record.payload.data() + at + 8);
        auto place =
            state_.next_match(*stream, {}, get<uint64_t>(record.payload.data() + at), last);
        while (place && place.value()) {
          erases.push_back({place.value()->part->segment, place.value()->index});
          place = state_.next_match(*stream, {}, place.value()->index.seq + 1, last);
        }
        if (!place) return place.take_error();
      }
    }
    PIPIT_TRY(state_.apply(record, scan.offset(), good, nullptr));
  }
  segment.end = cut ? cut->end : scan.data_end();
  if (!intact || (!cut && !scan.whole_tail())) {
    report_.damaged_tail = !scan.whole_tail() || shortened;
    damage_begin = std::min(damage_begin, scan.data_end());
    // The batch in front of the cut says what should have followed.
    if (Stream* const stream = state_.find(scan.batch().stream);
        stream && !scan.whole_tail() && scan.batch().last_seq > stream->last_seq)
      state_.lose(*stream, {stream->last_seq + 1, scan.batch().last_seq});
  }
  if (damage_begin != ~uint64_t{0}) {
    segment.damaged = true;
    jump_sequences(segment, damage_begin);
  }
  for (const auto& [id, stream] : state_.streams)
    for (const SequenceRange range : stream->lost) {
      const auto& known = known_lost[id];
      if (std::find(known.begin(), known.end(), range) == known.end())
        lost_.emplace_back(id, range);
    }
  return erase_bodies(erases);
}

void FileStore::jump_sequences(const Segment& segment, uint64_t damage_begin) {
  // No more records than fit behind the damage can have been lost, and none above the mark.
  const uint64_t most =
      State::reserve_for(segment.capacity - std::min(segment.capacity, damage_begin));
  for (const auto& [id, stream] : state_.streams) {
    const uint64_t mark = std::min(stream->reserved_seq, stream->last_seq + most);
    // A stream that began behind the checkpoint has no mark yet.
    stream->last_seq =
        std::max(stream->last_seq, stream->reserved_seq == 0 ? stream->last_seq + most : mark);
  }
}

void FileStore::settle_files(const std::vector<std::string>& names) {
  std::set<std::string> known;
  for (const auto& segment : state_.segments) {
    known.insert(SegmentFiles::data_name(segment->id));
    known.insert(SegmentFiles::index_name(segment->id));
  }
  // A good checkpoint names everything that counts: the rest was given up, or never begun.
  for (const std::string& name : names)
    if ((name.ends_with(".seg") || name.ends_with(".idx")) && !known.contains(name))
      (void)vfs_.remove(name);
  keep_reserve();
}

void FileStore::keep_reserve() {
  auto free = vfs_.free_bytes();
  if (free && free.value() > 8 * kReserve)
    if (auto reserve = vfs_.open("reserve", Vfs::Mode::create))
      (void)reserve.value()->allocate(kReserve);
}

}  // namespace pipit::js::store
