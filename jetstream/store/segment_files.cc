#include "jetstream/store/segment_files.h"

#include <algorithm>
#include <cstdio>

#include "jetstream/store/packing.h"
#include "jetstream/store/segment_scan.h"

namespace pipit::js::store {
namespace {

std::string name_of(uint64_t id, const char* kind) {
  char name[32];
  std::snprintf(name, sizeof name, "%016llx.%s", static_cast<unsigned long long>(id), kind);
  return name;
}

Error would_wait() { return {Errc::timeout, 0, "store", "it would have to wait for the disk"}; }
Error damaged(const char* what) { return {Errc::io, 0, "store", what}; }

}  // namespace

std::string SegmentFiles::data_name(uint64_t id) { return name_of(id, "seg"); }
std::string SegmentFiles::index_name(uint64_t id) { return name_of(id, "idx"); }

std::shared_ptr<SegmentFiles::Open> SegmentFiles::open(uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(open_.begin(), open_.end(), [id](const auto& open) { return open->id == id; });
  if (found != open_.end()) {
    open_.splice(open_.begin(), open_, found);
    return open_.front();
  }
  if (open_.size() >= kOpenMax) open_.pop_back();  // who reads just now holds on to the file
  open_.push_front(std::shared_ptr<Open>(new Open{id, {}, {}, {}}));
  return open_.front();
}

void SegmentFiles::forget(const Segment& segment) {
  const std::lock_guard lock(mutex_);
  open_.remove_if([&segment](const auto& open) { return open->id == segment.id; });
  cache_.forget(segment.id);
}

Result<std::shared_ptr<File>> SegmentFiles::data(const Segment& segment) {
  const auto open = this->open(segment.id);
  const std::lock_guard lock(open->mutex);
  if (!open->data) {
    auto file = vfs_.open(data_name(segment.id), Vfs::Mode::existing);
    if (!file) return file;
    open->data = std::move(file).value();
  }
  return open->data;
}

Result<std::shared_ptr<Index>> SegmentFiles::index(const std::shared_ptr<Segment>& segment,
                                                   uint32_t count, StreamId stream,
                                                   Patience patience) {
  const auto open = this->open(segment->id);
  std::shared_ptr<IndexFile> index_file;
  {
    std::unique_lock lock(open->mutex, std::defer_lock);
    if (patience == Patience::wait)
      lock.lock();
    else if (!lock.try_lock())
      return would_wait();
    if (!open->index) {
      auto file = vfs_.open(index_name(segment->id), Vfs::Mode::create);
      if (!file) return file.take_error();
      auto index = IndexFile::open(
          std::move(file).value(), segment->id, segment->key, segment->end, cache_,
          [this, segment] { return rebuild(*segment); }, patience);
      if (!index) return index.take_error();
      open->index = std::move(index).value();
    }
    index_file = open->index;
  }
  auto index = index_file->part(stream, patience);
  if (!index) index = std::make_shared<LiveIndex>();
  if (index->size() > count) return damaged("the index of a segment knows more than there was");
  if (index->size() < count) {
    const std::lock_guard lock(mutex_);
    short_.insert(segment->id);
  }
  return index;
}

uint64_t SegmentFiles::take_short() {
  const std::lock_guard lock(mutex_);
  return short_.empty() ? 0 : short_.extract(short_.begin()).value();
}

Result<std::string> SegmentFiles::rebuild(const Segment& segment) {
  auto file = vfs_.open(data_name(segment.id), Vfs::Mode::existing);
  if (!file) return file.take_error();
  auto bytes = load(*file.value(), segment.end);
  if (!bytes) return bytes.take_error();
  std::string index = encode(segment, scan(bytes.value(), segment.key));
  // A full or failing disk: the answer is right all the same, only not kept. That of a poisoned
  // segment was synced, and knows more than the records.
  if (!segment.poisoned) (void)write_index(vfs_, segment, index);
  return index;
}

std::string SegmentFiles::encode(const Segment& segment, const LiveParts& parts) {
  std::map<uint32_t, const LiveIndex*> views;
  for (const auto& [stream, index] : parts)
    if (index->size() + index->ids() > 0) views[stream] = index.get();  // as when made again
  return encode_index(segment.key, segment.end, views);
}

Result<StoredMessage> SegmentFiles::read(File& file, uint64_t key, const IndexEntry& entry,
                                         Patience patience) const {
  // At least as long as any record that counts for so many bytes.
  std::string bytes(aligned(uint64_t{entry.bytes} + kRecordHeader + front_size(0xff) - 30), '\0');
  auto n = read_all(file, std::as_writable_bytes(std::span(bytes)), entry.offset, patience);
  if (!n) return n.take_error();
  const auto parsed =
      read_record(std::as_bytes(std::span(bytes)).first(n.value()), key, entry.offset, verify_);
  if (!parsed || !parsed->body_good || (verify_ && parsed->record.seq != entry.seq))
    return damaged("a message is damaged");
  Record record = parsed->record;
  std::string unpacked;
  PIPIT_TRY(unpack(record, unpacked));
  StoredMessage message;
  message.seq = record.seq;
  message.ts_ns = record.ts_ns;
  message.subject = record.subject;
  message.headers = record.headers;
  message.payload = record.payload;
  return message;
}

Result<std::string> SegmentFiles::load(File& file, uint64_t size) {
  std::string bytes(size, '\0');
  auto n = read_all(file, std::as_writable_bytes(std::span(bytes)), 0);
  if (!n) return n.take_error();
  bytes.resize(n.value());
  return bytes;
}

LiveParts SegmentFiles::scan(std::string_view bytes, uint64_t key) const {
  LiveParts parts;
  SegmentScan scan(std::as_bytes(std::span(bytes)), key, verify_);
  for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;) {
    if (found != SegmentScan::Found::record) continue;
    const ParsedRecord& parsed = scan.parsed();
    if (parsed.record.kind != RecordKind::message) continue;
    std::shared_ptr<LiveIndex>& index = parts[parsed.record.stream];
    if (!index) index = std::make_shared<LiveIndex>();
    index->add(parsed.record, scan.offset(), parsed.counted);
  }
  return parts;
}

Result<void> SegmentFiles::write_index(Vfs& vfs, const Segment& segment, std::string_view index,
                                       bool sync) {
  auto file = vfs.open(index_name(segment.id), Vfs::Mode::create);
  if (!file) return file.take_error();
  PIPIT_TRY(file.value()->truncate(0));
  PIPIT_TRY(write_all(*file.value(), std::as_bytes(std::span(index)), 0));
  if (sync) return file.value()->sync();
  return {};
}

}  // namespace pipit::js::store
