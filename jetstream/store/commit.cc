// The writing half of FileStore: batches, segments, and what happens when the disk says no.
#include <algorithm>
#include <cerrno>

#include "jetstream/store/checkpoint.h"
#include "jetstream/store/file_store.h"

namespace pipit::js::store {
namespace {

constexpr uint64_t kSmallestSegment = 64u << 10;

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// The end of a segment is kept for deletions: they are how a full disk gets room again.
uint64_t kept_for_removals(uint64_t capacity) {
  return std::min<uint64_t>(16u << 10, capacity / 8);
}

}  // namespace

FileStore::Batch& FileStore::batch_for(size_t size, bool message) {
  const Segment& active = state_.active();
  const uint64_t room = active.capacity - (message ? kept_for_removals(active.capacity) : 0);
  const bool fits = !must_roll_ && records_ < options_.segment_records &&
                    active.end + kBatchHeader + size <= room;
  if (fits && !pending_.empty() && !pending_.back().in_flight &&
      pending_.back().bytes.size() + size <= options_.batch_bytes)
    return pending_.back();

  Batch& batch = pending_.emplace_back();
  batch.number_before = number_;
  batch.records_before = records_;
  if (!fits) plan_segment(batch, size);
  batch.segment = state_.segments.back();
  batch.for_message = message;
  batch.number = ++number_;
  batch.offset = state_.active().end;
  batch.bytes.resize(kBatchHeader);
  state_.active().end += kBatchHeader;
  if (pending_.size() == 1 && on_pending) on_pending();
  return batch;
}

void FileStore::plan_segment(Batch& batch, size_t size) {
  const uint64_t least = aligned(kSegmentHeader + kBatchHeader + size) * 8 / 7 + 64;
  auto free = vfs_.free_bytes();
  const uint64_t share = free ? free.value() / 4 : options_.segment_bytes;
  auto segment = std::make_shared<Segment>();
  segment->id = state_.next_segment;
  segment->key = vfs_.random();
  segment->capacity =
      aligned(std::max(least, std::min(options_.segment_bytes, std::max(kSmallestSegment, share))));
  const int64_t now = dead_at();
  for (const auto& old : state_.segments)
    if (old->is_dead(now)) batch.given_up.push_back(old);
  state_.roll(segment, &batch.undo);
  batch.begins = true;
  batch.checkpoint = state_.encode(now);
  must_roll_ = false;
  number_ = 0;
  records_ = 0;
}

int64_t FileStore::dead_at() const { return full_ ? kNeverExpires : clock_.wall_ns(); }

bool FileStore::turn() {
  std::unique_lock lock(mutex_);
  if (!lost_.empty()) {
    const auto lost = std::exchange(lost_, {});
    lock.unlock();
    for (const auto& [stream, range] : lost) listener_.lost(stream, range);
    return true;
  }
  if (pending_.empty()) {
    lock.unlock();
    return sync_if_due();
  }
  Batch& batch = pending_.front();  // a deque: calls may add behind it meanwhile
  batch.in_flight = true;
  lock.unlock();
  std::optional<Failure> failure = write_batch(batch);
  lock.lock();
  if (failure) {
    const Ticket from = (failure->poisons ? durable_ : written_) + 1, through = next_ticket_ - 1;
    fail_all(*failure);
    lock.unlock();
    written_ = std::max(written_, through);
    if (from <= through) listener_.failed(from, through, failure->error);
    return true;
  }
  Batch done = std::move(batch);
  pending_.pop_front();
  pending_bytes_ -= done.bytes.size() - kBatchHeader;
  commit(done);
  lock.unlock();

  if (!done.given_up.empty()) give_up(done.given_up);
  if (done.last_ticket > 0) written_ = done.last_ticket;
  listener_.written(written_);
  if (!dirty_ && durable_ != written_) {
    durable_ = written_;
    listener_.durable(durable_);
  }
  return true;
}

std::optional<FileStore::Failure> FileStore::write_batch(Batch& batch) {
  if (batch.begins)
    if (auto failure = begin_segment(batch)) return failure;
  File& file = batch.file ? *batch.file : *active_file_;
  write_batch_header(batch.bytes.data(),
                     {batch.number, batch.count, static_cast<uint32_t>(batch.bytes.size()),
                      batch.last_stream, batch.last_seq, batch.begins ? 0 : synced_number_},
                     batch.segment->key, batch.offset);
  if (auto written = write_all(file, bytes_of(batch.bytes), batch.offset); !written) {
    // What a full disk did not take can be written again in the same place; on any other fault
    // nothing is known about the place. A segment that has just begun is left behind (I3).
    const bool full = written.error().sys_errno == ENOSPC;
    return Failure{written.take_error(), !full, batch.begins};
  }
  const bool sync = batch.wants_sync || !batch.erases.empty();
  if (sync)
    if (auto synced = file.sync(); !synced) return Failure{synced.take_error(), true, batch.begins};
  // The deletions are on the disk and stand. What cannot be overwritten now is, before a checkpoint
  // forgets which bodies they were.
  if (!erase_bodies(batch.erases))
    unfinished_.insert(unfinished_.end(), batch.erases.begin(), batch.erases.end());
  if (batch.file) active_file_ = batch.file;
  if (batch.begins) synced_number_ = 0;
  if (sync) synced_number_ = batch.number;
  written_number_ = batch.number;
  if (!sync && !dirty_) sync_at_ns_ = clock_.monotonic_ns() + options_.sync_interval_ns;
  dirty_ = !sync;
  return {};
}

std::optional<FileStore::Failure> FileStore::begin_segment(Batch& batch) {
  if (dirty_ && active_file_) {
    if (auto synced = active_file_->sync(); !synced)
      return Failure{synced.take_error(), true, false};
    dirty_ = false;
  }
  if (auto erased = erase_bodies(unfinished_); !erased)
    return Failure{erased.take_error(), false, false};
  unfinished_.clear();
  if (auto kept = keep_poisoned_index(*batch.segment); !kept)
    return Failure{kept.take_error(), false, false};
  std::shared_ptr<File> file;
  auto created = create_segment_file(*batch.segment, file);
  // The reserve is for those who make room.
  const auto use_reserve = [&](const Result<void>& result) {
    return !result && result.error().sys_errno == ENOSPC && !batch.for_message &&
           vfs_.remove("reserve").ok();
  };
  if (use_reserve(created)) created = create_segment_file(*batch.segment, file);
  if (!created) {
    (void)vfs_.remove(SegmentFiles::data_name(batch.segment->id));
    return Failure{created.take_error(), false, false};
  }
  const Checkpoint checkpoint{++state_.generation, std::move(batch.checkpoint)};
  auto saved = save_checkpoint(vfs_, checkpoint);
  if (use_reserve(saved)) saved = save_checkpoint(vfs_, checkpoint);
  if (!saved) return Failure{saved.take_error(), false, true};
  batch.file = std::move(file);
  return {};
}

// What was written to a poisoned segment after its last good sync may be gone after a power cut.
// Its index could not be made again then, so here it is saved, and what is gone is found to be
// lost.
Result<void> FileStore::keep_poisoned_index(const Segment& next) {
  std::shared_ptr<Segment> before;
  LiveParts parts;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& segment : state_.segments) {
      if (segment.get() == &next) break;
      before = segment;
    }
    if (!before || !before->poisoned) return {};
    parts = before->live_parts;
  }
  PIPIT_TRY(SegmentFiles::write_index(vfs_, *before, SegmentFiles::encode(*before, parts)));
  auto file = vfs_.open(SegmentFiles::index_name(before->id), Vfs::Mode::existing);
  if (!file) return file.take_error();
  return file.value()->sync();  // its name is synced with the next segment's
}

Result<void> FileStore::create_segment_file(const Segment& segment, std::shared_ptr<File>& file) {
  const std::string name = SegmentFiles::data_name(segment.id);
  // A segment that was given up has its blocks written already, which halves the cost of a sync.
  if (vfs_.rename("spare", name).ok()) {
    auto opened = vfs_.open(name, Vfs::Mode::existing);
    if (!opened) return opened.take_error();
    file = std::move(opened).value();
  } else {
    auto opened = vfs_.open(name, Vfs::Mode::create);
    if (!opened) return opened.take_error();
    file = std::move(opened).value();
  }
  PIPIT_TRY(file->allocate(segment.capacity));
  PIPIT_TRY(file->truncate(segment.capacity));
  std::string header;
  write_segment_header(header, {segment.id, segment.key, segment.capacity, vfs_.boot()});
  PIPIT_TRY(write_all(*file, bytes_of(header), 0));
  PIPIT_TRY(file->sync());
  return vfs_.sync_names();
}

Result<void> FileStore::erase_bodies(const std::vector<Erase>& erases) {
  for (const Erase& erase : erases) {
    auto opened = files_.data(*erase.segment);
    if (!opened) return opened.take_error();
    const std::shared_ptr<File> file = opened.value();
    // The header stays: it tells where the next record begins.
    std::byte header[kRecordHeader];
    auto n = read_all(*file, header, erase.entry.offset);
    if (!n) return n.take_error();
    const auto parsed = read_record_header(std::span(header).first(n.value()), erase.segment->key,
                                           erase.entry.offset, options_.verify);
    if (!parsed) continue;  // damaged: nobody can read it
    const size_t body = get<uint32_t>(header + 4) - kRecordHeader;
    PIPIT_TRY(
        write_all(*file, bytes_of(std::string(body, '\0')), erase.entry.offset + kRecordHeader));
    PIPIT_TRY(file->sync());
  }
  return {};
}

void FileStore::commit(Batch& batch) {
  for (const auto& [stream, seq] : batch.touched)
    stream->committed_seq = std::max(stream->committed_seq, seq);
  state_.let_go(batch.undo);
  if (batch.begins) {
    // In front of the one that has begun; later ones may have been planned already.
    const auto begun = std::find(state_.segments.begin(), state_.segments.end(), batch.segment);
    if (begun != state_.segments.begin()) unindexed_.push_back(*std::prev(begun));
    const auto is_given_up = [&](const std::shared_ptr<Segment>& segment) {
      return std::find(batch.given_up.begin(), batch.given_up.end(), segment) !=
             batch.given_up.end();
    };
    for (const auto& [id, stream] : state_.streams)
      std::erase_if(stream->parts, [&](const auto& part) { return is_given_up(part->segment); });
    for (const auto& segment : batch.given_up) files_.forget(*segment);
    std::erase_if(state_.segments, is_given_up);
    std::erase_if(unindexed_, is_given_up);
    half_begun_ = full_ = false;
    written_to_ = batch.segment;
  }
  committed_end_ = batch.offset + batch.bytes.size();
  blocked_until_ns_ = 0;
}

void FileStore::fail_all(const Failure& failure) {
  for (; !pending_.empty(); pending_.pop_back()) {
    Batch& batch = pending_.back();
    state_.take_back(batch.undo);
    records_ = batch.records_before;
    // Numbers rise also over batches that failed; those of a segment never begun do not count.
    if (batch.begins) number_ = batch.number_before;
  }
  state_.active().end = committed_end_;
  pending_bytes_ = 0;
  if (failure.poisons) {
    state_.active().poisoned = true;
    dirty_ = false;  // never again on this one
  }
  if (failure.half_begun) half_begun_ = true;
  if (failure.error.sys_errno == ENOSPC) full_ = true;
  must_roll_ = half_begun_ || state_.active().poisoned;
  blocked_until_ns_ = clock_.monotonic_ns() + options_.retry_ns;
  blocked_by_ = failure.error;
}

void FileStore::give_up(const std::vector<std::shared_ptr<Segment>>& segments) {
  for (const auto& segment : segments) {
    const std::string name = SegmentFiles::data_name(segment->id);
    (void)vfs_.remove(SegmentFiles::index_name(segment->id));
    // One is kept, to be written over; a failure here costs space until the next start. What was
    // damaged is kept for somebody to look at.
    (void)vfs_.rename(name, segment->damaged ? name + ".damaged" : "spare");
  }
}

bool FileStore::sync_if_due() {
  if (!dirty_ || clock_.monotonic_ns() < sync_at_ns_) return false;
  if (auto synced = active_file_->sync(); !synced) {
    {
      const std::lock_guard lock(mutex_);
      fail_all({synced.error(), true, false});
    }
    listener_.failed(durable_ + 1, written_, synced.error());
    return true;
  }
  dirty_ = false;
  synced_number_ = written_number_;
  durable_ = written_;
  listener_.durable(durable_);
  return true;
}

}  // namespace pipit::js::store
