#include "jetstream/store/index_file.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace pipit::js::store {
namespace {

constexpr size_t kPayload = 4080;             // then 8 unused bytes and the checksum
constexpr uint32_t kIndexMagic = 0x58444950;  // "PIDX"

struct IndexHeader {
  uint32_t magic = kIndexMagic;
  uint32_t version = kFormatVersion;
  uint64_t data_end = 0;
  uint32_t parts = 0;
  uint32_t content = 0;  // a checksum of all that follows
};
static_assert(sizeof(IndexHeader) == 24);

Error damaged() { return {Errc::io, 0, "index", "the index of a segment is damaged"}; }

// Of one id the newest last.
bool by_id(const IdRow& a, const IdRow& b) {
  if (a.id.high != b.id.high) return a.id.high < b.id.high;
  if (a.id.low != b.id.low) return a.id.low < b.id.low;
  return a.seq < b.seq;
}

// An index that is made again after erasures knows less than the first one. A file that a power cut
// left with blocks of both is told by the content.
uint64_t block_checksum(const void* bytes, uint64_t key, uint32_t number, uint32_t content) {
  const uint64_t place[2] = {key, uint64_t{content} << 32 | number};
  return checksum({static_cast<const std::byte*>(bytes), kPayload},
                  checksum(std::as_bytes(std::span(place))));
}

}  // namespace

bool BlockCache::read(uint64_t segment, uint32_t block, size_t from, std::span<std::byte> into) {
  const std::lock_guard lock(mutex_);
  const auto found = by_place_.find({segment, block});
  if (found == by_place_.end()) return false;
  order_.splice(order_.begin(), order_, found->second);
  std::memcpy(into.data(), order_.front().bytes.data() + from, into.size());
  return true;
}

void BlockCache::put(uint64_t segment, uint32_t block, std::span<const std::byte, kBlock> bytes) {
  const std::lock_guard lock(mutex_);
  if (const auto there = by_place_.find({segment, block}); there != by_place_.end()) {
    std::memcpy(there->second->bytes.data(), bytes.data(), kBlock);
    return;
  }
  if (order_.size() < blocks_max_) {
    order_.emplace_front();
    order_.front().bytes.resize(kBlock);
  } else {
    by_place_.erase({order_.back().segment, order_.back().number});
    order_.splice(order_.begin(), order_, std::prev(order_.end()));
  }
  order_.front().segment = segment;
  order_.front().number = block;
  by_place_[{segment, block}] = order_.begin();
  std::memcpy(order_.front().bytes.data(), bytes.data(), kBlock);
}

void BlockCache::forget(uint64_t segment) {
  const std::lock_guard lock(mutex_);
  auto at = by_place_.lower_bound({segment, 0});
  while (at != by_place_.end() && at->first.first == segment) {
    order_.erase(at->second);
    at = by_place_.erase(at);
  }
}

size_t BlockCache::bytes() {
  const std::lock_guard lock(mutex_);
  return order_.size() * kBlock;
}

std::string encode_index(uint64_t key, uint64_t data_end,
                         const std::map<uint32_t, const LiveIndex*>& parts) {
  std::string plain;
  const auto append = [&plain](const void* bytes, size_t size) {
    plain.append(static_cast<const char*>(bytes), size);
  };
  IndexHeader header;
  header.data_end = data_end;
  header.parts = static_cast<uint32_t>(parts.size());
  append(&header, sizeof header);
  uint64_t at = sizeof header + parts.size() * sizeof(IndexFile::Part);
  for (const auto& [stream, index] : parts) {
    IndexFile::Part part{};
    part.stream = stream;
    part.entries = index->size();
    part.subjects = index->subjects();
    part.ids = index->ids();
    part.expiries = static_cast<uint32_t>(index->expiries().size());
    part.entries_at = at;
    part.rows_at = part.entries_at + uint64_t{part.entries} * sizeof(IndexEntry);
    part.ids_at = part.rows_at + uint64_t{part.subjects} * sizeof(SubjectRow);
    part.expiries_at = part.ids_at + uint64_t{part.ids} * sizeof(IdRow);
    part.texts_at = part.expiries_at + uint64_t{part.expiries} * sizeof(ExpiryRow);
    part.texts_size = index->texts().size();
    at = aligned(part.texts_at + part.texts_size);
    append(&part, sizeof part);
  }
  for (const auto& [stream, index] : parts) {
    // Rows go by hash, so that a subject is found by bisection; entries name rows by position.
    const uint32_t count = index->subjects();
    std::vector<uint32_t> order(count), place(count);
    for (uint32_t i = 0; i < count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&rows = index->rows()](uint32_t a, uint32_t b) {
      return rows[a].hash != rows[b].hash ? rows[a].hash < rows[b].hash : a < b;
    });
    for (uint32_t i = 0; i < count; ++i) place[order[i]] = i;
    for (IndexEntry entry : index->entries()) {
      if (entry.subject != kNone) entry.subject = place[entry.subject];
      append(&entry, sizeof entry);
    }
    for (const uint32_t row : order) append(&index->rows()[row], sizeof(SubjectRow));
    std::vector<IdRow> ids = index->id_rows();
    std::sort(ids.begin(), ids.end(), by_id);
    append(ids.data(), ids.size() * sizeof(IdRow));
    for (const ExpiryRow& expiry : index->expiries()) append(&expiry, sizeof expiry);
    plain.append(index->texts());
    plain.resize(aligned(plain.size()));
  }

  header.content =
      static_cast<uint32_t>(checksum(std::as_bytes(std::span(plain)).subspan(sizeof header)));
  put(plain.data() + offsetof(IndexHeader, content), header.content);

  std::string out;
  out.reserve((plain.size() / kPayload + 1) * BlockCache::kBlock);
  for (uint32_t number = 0; number * kPayload < plain.size(); ++number) {
    const size_t start = out.size();
    out.append(plain, number * kPayload, kPayload);
    out.resize(start + BlockCache::kBlock);
    put(out.data() + start + BlockCache::kBlock - 8,
        block_checksum(out.data() + start, key, number, header.content));
  }
  return out;
}

bool index_is_sound(std::string_view bytes, uint64_t key, uint64_t data_end) {
  if (bytes.empty() || bytes.size() % BlockCache::kBlock != 0) return false;
  const auto header = get<IndexHeader>(bytes.data());
  if (header.magic != kIndexMagic || header.version != kFormatVersion ||
      header.data_end != data_end)
    return false;
  for (uint32_t number = 0; number < bytes.size() / BlockCache::kBlock; ++number) {
    const char* const block = bytes.data() + number * BlockCache::kBlock;
    if (get<uint64_t>(block + BlockCache::kBlock - 8) !=
        block_checksum(block, key, number, header.content))
      return false;
  }
  return true;
}

class IndexFile::DiskIndex final : public Index {
 public:
  DiskIndex(std::shared_ptr<IndexFile> file, SharedContents contents, size_t place,
            Patience patience)
      : file_(std::move(file)),
        contents_(std::move(contents)),
        place_(place),
        patience_(patience) {}

  uint32_t size() const override { return part().entries; }
  uint32_t subjects() const override { return part().subjects; }

  uint32_t ids() const override { return part().ids; }
  bool expires() const override { return part().expiries > 0; }

  Result<IndexEntry> entry(uint32_t number) override {
    return item<IndexEntry>(&Part::entries_at, number);
  }
  Result<SubjectRow> row(uint32_t subject) override {
    return item<SubjectRow>(&Part::rows_at, subject);
  }
  Result<size_t> rows(uint32_t subject, std::span<SubjectRow> into) override {
    if (subject >= subjects()) return size_t{0};
    const size_t count = std::min<size_t>(into.size(), subjects() - subject);
    PIPIT_TRY(read([&] { return part().rows_at + uint64_t{subject} * sizeof(SubjectRow); },
                   into.data(), count * sizeof(SubjectRow)));
    return count;
  }
  Result<IdRow> id(uint32_t number) override { return item<IdRow>(&Part::ids_at, number); }

  Result<uint64_t> find_id(MessageId id, int64_t since_ns) override {
    // Behind the last row with that id.
    auto end = partition(ids(), [&](uint32_t number) -> Result<bool> {
      auto row = this->id(number);
      if (!row) return row.take_error();
      return !by_id({id, ~uint64_t{0}, 0}, row.value());
    });
    if (!end) return end.take_error();
    if (end.value() == 0) return uint64_t{0};
    auto newest = this->id(end.value() - 1);
    if (!newest) return newest.take_error();
    const IdRow& row = newest.value();
    return row.id == id && row.ts_ns >= since_ns ? row.seq : uint64_t{0};
  }

  Result<std::optional<ExpiryRow>> expiry_from(ExpiryRow from) override {
    auto at = partition(part().expiries, [&](uint32_t number) -> Result<bool> {
      auto row = item<ExpiryRow>(&Part::expiries_at, number);
      if (!row) return row.take_error();
      return row.value() < from;
    });
    if (!at) return at.take_error();
    if (at.value() >= part().expiries) return std::optional<ExpiryRow>();
    auto row = item<ExpiryRow>(&Part::expiries_at, at.value());
    if (!row) return row.take_error();
    return std::optional(row.value());
  }

  Result<std::string> text(const SubjectRow& row) override {
    if (uint64_t{row.text_at} + row.text_size > part().texts_size) return damaged();
    std::string text(row.text_size, '\0');
    PIPIT_TRY(read([&] { return part().texts_at + row.text_at; }, text.data(), text.size()));
    return text;
  }

  Result<uint32_t> find(std::string_view subject) override {
    const uint64_t hash = hash_subject(subject);
    uint32_t low = 0, high = subjects();
    // Hashes spread evenly, so the first guesses are close; then by halves.
    uint64_t low_hash = 0, high_hash = ~uint64_t{0};
    for (int guesses = 0; low < high; ++guesses) {
      uint32_t middle = low + (high - low) / 2;
      if (guesses < 3 && high_hash > low_hash) {
        const double share =
            static_cast<double>(hash - low_hash) / static_cast<double>(high_hash - low_hash);
        middle = low + std::min(static_cast<uint32_t>(share * (high - low)), high - low - 1);
      }
      auto there = row(middle);
      if (!there) return there.take_error();
      if (there.value().hash < hash) {
        low = middle + 1;
        low_hash = there.value().hash;
      } else {
        high = middle;
        high_hash = there.value().hash;
      }
    }
    for (; low < subjects(); ++low) {
      auto there = row(low);
      if (!there) return there.take_error();
      if (there.value().hash != hash) break;
      auto name = text(there.value());
      if (!name) return name.take_error();
      if (name.value() == subject) return low;
    }
    return kNone;
  }

 private:
  const Part& part() const { return contents_->parts[place_]; }
  template <class T>
  Result<T> item(uint64_t Part::*table, uint32_t number) {
    T item;
    PIPIT_TRY(read([&] { return part().*table + uint64_t{number} * sizeof(T); }, &item, sizeof(T)));
    return item;
  }
  // How many of the first `count` numbers `is_before` holds for; it never does again after one that
  // it does not hold for.
  template <class IsBefore>
  Result<uint32_t> partition(uint32_t count, IsBefore is_before) {
    uint32_t low = 0, high = count;
    while (low < high) {
      const uint32_t middle = low + (high - low) / 2;
      auto before = is_before(middle);
      if (!before) return before.take_error();
      if (before.value())
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
  template <class Where>
  Result<void> read(Where where, void* into, size_t size) {
    auto done = file_->read(*contents_, where(), into, size, patience_);
    if (done || patience_ == Patience::now) return done;
    auto renewed = file_->renew(contents_);
    if (!renewed) return renewed.take_error();
    // Who holds numbers of entries goes on only if they still name the same.
    const std::vector<Part>& parts = renewed.value()->parts;
    if (place_ >= parts.size() || parts[place_].stream != part().stream ||
        parts[place_].entries != part().entries)
      return damaged();
    contents_ = std::move(renewed).value();
    return file_->read(*contents_, where(), into, size, patience_);
  }

  const std::shared_ptr<IndexFile> file_;
  SharedContents contents_;
  const size_t place_;
  const Patience patience_;
};

Result<std::shared_ptr<IndexFile>> IndexFile::open(std::shared_ptr<File> file, uint64_t segment,
                                                   uint64_t key, uint64_t data_end,
                                                   BlockCache& cache, Rebuild rebuild,
                                                   Patience patience) {
  std::shared_ptr<IndexFile> index(
      new IndexFile(std::move(file), segment, key, cache, data_end, std::move(rebuild)));
  auto contents = index->read_parts({}, patience);
  // Sound perhaps, but of another end: a power cut brought back an older truth of the segment.
  if (!contents && patience == Patience::now) return contents.take_error();
  if (!contents) contents = index->renew(nullptr);
  if (!contents) return contents.take_error();
  index->contents_ = std::move(contents).value();
  return index;
}

IndexFile::SharedContents IndexFile::contents() {
  const std::lock_guard lock(mutex_);
  return contents_;
}

Result<IndexFile::SharedContents> IndexFile::read_parts(std::string renewed, Patience patience) {
  Contents contents;
  contents.renewed = std::move(renewed);
  IndexHeader header;
  PIPIT_TRY(read(contents, 0, &header, sizeof header, patience));
  if (header.magic != kIndexMagic || header.version != kFormatVersion ||
      header.data_end != data_end_ || header.parts > kMaxRecord / sizeof(Part))
    return damaged();
  contents.content = header.content;
  std::vector<Part> parts(header.parts);
  PIPIT_TRY(read(contents, sizeof header, parts.data(), header.parts * sizeof(Part), patience));
  contents.parts = std::move(parts);
  return std::make_shared<const Contents>(std::move(contents));
}

Result<IndexFile::SharedContents> IndexFile::renew(const SharedContents& bad) {
  const std::lock_guard renewing(renewing_);
  if (auto now = contents(); now != bad) return now;   // another has done it
  if (bad && !bad->renewed.empty()) return damaged();  // it does not get better
  auto bytes = rebuild_();
  if (!bytes) return bytes.take_error();
  cache_.forget(segment_);
  auto fresh = read_parts(std::move(bytes).value(), Patience::wait);
  if (!fresh) return fresh.take_error();
  const std::lock_guard lock(mutex_);
  contents_ = fresh.value();
  return contents_;
}

std::shared_ptr<Index> IndexFile::part(uint32_t stream, Patience patience) {
  auto contents = this->contents();
  for (size_t i = 0; i < contents->parts.size(); ++i)
    if (contents->parts[i].stream == stream)
      return std::make_shared<DiskIndex>(shared_from_this(), std::move(contents), i, patience);
  return nullptr;
}

Result<void> IndexFile::read(const Contents& contents, uint64_t from, void* into, size_t size,
                             Patience patience) {
  auto* out = static_cast<std::byte*>(into);
  while (size > 0) {
    const auto number = static_cast<uint32_t>(from / kPayload);
    const size_t start = from % kPayload, part = std::min(size, kPayload - start);
    const uint64_t at = uint64_t{number} * BlockCache::kBlock;
    if (!contents.renewed.empty()) {
      if (contents.renewed.size() < at + BlockCache::kBlock) return damaged();
      std::memcpy(out, contents.renewed.data() + at + start, part);
    } else if (!cache_.read(segment_, number, start, {out, part})) {
      std::byte fresh[BlockCache::kBlock] = {};
      auto n = read_all(*file_, fresh, at, patience);
      if (!n) return n.take_error();
      // The first block says which index this is; the others have to be of the same.
      uint32_t content = contents.content;
      if (content == 0 && number == 0)
        content = get<uint32_t>(fresh + offsetof(IndexHeader, content));
      if (n.value() < BlockCache::kBlock || get<uint64_t>(fresh + BlockCache::kBlock - 8) !=
                                                block_checksum(fresh, key_, number, content))
        return damaged();
      cache_.put(segment_, number, fresh);
      std::memcpy(out, fresh + start, part);
    }
    out += part;
    from += part;
    size -= part;
  }
  return {};
}

}  // namespace pipit::js::store
