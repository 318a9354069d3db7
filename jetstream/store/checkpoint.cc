#include "jetstream/store/checkpoint.h"

#include <cerrno>

#include "jetstream/store/state.h"

namespace pipit::js::store {
namespace {

constexpr uint32_t kCheckpointMagic = 0x504b4350;  // "PCKP"
constexpr size_t kHeader = 40;
constexpr const char* kCopies[] = {"checkpoint.a", "checkpoint.b"};
constexpr const char* kFresh = "checkpoint.new";

Bytes bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// Fields one after another, without padding.
class Writer {
 public:
  template <class T>
  void number(T value) {
    char bytes[sizeof(T)];
    put(bytes, value);
    out.append(bytes, sizeof bytes);
  }
  void text(std::string_view value) {
    number(static_cast<uint32_t>(value.size()));
    out.append(value);
  }
  std::string out;
};

// Past the end every field is zero and good() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  T number() {
    if (rest_.size() < sizeof(T)) return fail(), T{};
    const T value = get<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }
  std::string_view text() {
    const auto size = number<uint32_t>();
    if (rest_.size() < size) return fail(), std::string_view();
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  // How many items of at least `bytes` each follow.
  uint32_t count(size_t bytes) {
    const auto value = number<uint32_t>();
    if (value > rest_.size() / bytes) return fail(), 0;
    return value;
  }
  bool good() const { return good_; }
  bool at_end() const { return good_ && rest_.empty(); }

 private:
  void fail() {
    good_ = false;
    rest_ = {};
  }
  std::string_view rest_;
  bool good_ = true;
};

Result<std::optional<std::string>> read_whole(Vfs& vfs, const char* name) {
  auto file = vfs.open(name, Vfs::Mode::existing);
  if (!file) {
    if (file.error().sys_errno == ENOENT) return std::optional<std::string>();
    return file.take_error();
  }
  auto size = file.value()->size();
  if (!size) return size.take_error();
  std::string bytes(size.value(), '\0');
  auto n = read_all(*file.value(), std::as_writable_bytes(std::span(bytes)), 0);
  if (!n) return n.take_error();
  bytes.resize(n.value());
  return std::optional(std::move(bytes));
}

}  // namespace

std::string encode_settings(const StreamSettings& settings) {
  Writer writer;
  writer.number(settings.max_msgs);
  writer.number(settings.max_bytes);
  writer.number(settings.max_msgs_per_subject);
  writer.number(settings.max_age_ns);
  writer.number(settings.duplicate_window_ns);
  writer.number(static_cast<uint8_t>(settings.discard_new | settings.discard_new_per_subject << 1 |
                                     settings.async << 2 | settings.compress << 3));
  writer.text(settings.config);
  return writer.out;
}

bool decode_settings(std::string_view bytes, StreamSettings& settings) {
  Reader reader(bytes);
  StreamSettings found;
  found.max_msgs = reader.number<int64_t>();
  found.max_bytes = reader.number<int64_t>();
  found.max_msgs_per_subject = reader.number<int64_t>();
  found.max_age_ns = reader.number<int64_t>();
  found.duplicate_window_ns = reader.number<int64_t>();
  const auto flags = reader.number<uint8_t>();
  found.discard_new = (flags & 1) != 0;
  found.discard_new_per_subject = (flags & 2) != 0;
  found.async = (flags & 4) != 0;
  found.compress = (flags & 8) != 0;
  found.config = reader.text();
  if (!reader.at_end()) return false;
  settings = std::move(found);
  return true;
}

std::string State::encode(int64_t now_ns) const {
  Writer writer;
  writer.number(next_segment);
  writer.number(next_stream);
  std::map<const Segment*, uint32_t> places;
  std::vector<const Segment*> kept;
  for (const auto& segment : segments) {
    if (segment->is_dead(now_ns) && segment != segments.back()) continue;
    places[segment.get()] = static_cast<uint32_t>(kept.size());
    kept.push_back(segment.get());
  }
  writer.number(static_cast<uint32_t>(kept.size()));
  for (const Segment* segment : kept) {
    writer.number(segment->id);
    writer.number(segment->key);
    writer.number(segment->capacity);
    writer.number(segment->end);
    writer.number(segment->counted);
    writer.number(segment->ids_until_ns);
    writer.number(
        static_cast<uint8_t>(segment->sorted | segment->poisoned << 1 | segment->damaged << 2));
  }
  writer.number(static_cast<uint32_t>(streams.size()));
  for (const auto& [id, stream] : streams) {
    writer.number(id);
    writer.text(stream->name);
    writer.text(encode_settings(stream->settings));
    writer.number(stream->last_seq);
    writer.number(stream->last_ts_ns);
    writer.number(stream->last_seq + reserve_for(segments.back()->capacity));
    writer.number(static_cast<uint32_t>(stream->lost.size()));
    for (const SequenceRange range : stream->lost) {
      writer.number(range.first);
      writer.number(range.last);
    }
    uint32_t parts = 0;
    const auto counts = [&](const Part& part) {
      return part.live > 0 || (part.ids > 0 && !part.segment->is_dead(now_ns));
    };
    for (const auto& part : stream->parts) parts += counts(*part);
    writer.number(parts);
    for (const auto& part : stream->parts) {
      if (!counts(*part)) continue;
      writer.number(places.at(part->segment.get()));
      writer.number(part->first_seq);
      writer.number(part->last_seq);
      writer.number(part->live_bytes);
      writer.number(part->count);
      writer.number(part->live);
      writer.number(part->ids);
      writer.number(part->newest_ns);
      writer.number(part->age_seq);
      writer.number(part->age_ns);
      writer.number(part->expiry_ns);
      writer.number(static_cast<uint32_t>(part->gone.runs().size()));
      for (const SequenceRange run : part->gone.runs()) {
        writer.number(run.first);
        writer.number(run.last);
      }
      writer.number(part->gone.base());
      writer.number(static_cast<uint32_t>(part->gone.words().size()));
      for (const uint64_t word : part->gone.words()) writer.number(word);
    }
  }
  return std::move(writer.out);
}

Result<void> State::decode(std::string_view bytes) {
  const Error broken{Errc::io, 0, "checkpoint", "the checkpoint contradicts itself"};
  Reader reader(bytes);
  next_segment = reader.number<uint64_t>();
  next_stream = reader.number<StreamId>();
  const uint32_t segment_count = reader.count(49);
  for (uint32_t i = 0; i < segment_count; ++i) {
    auto segment = std::make_shared<Segment>();
    segment->id = reader.number<uint64_t>();
    segment->key = reader.number<uint64_t>();
    segment->capacity = reader.number<uint64_t>();
    segment->end = reader.number<uint64_t>();
    segment->counted = reader.number<uint64_t>();
    segment->ids_until_ns = reader.number<int64_t>();
    const auto flags = reader.number<uint8_t>();
    segment->sorted = (flags & 1) != 0;
    segment->poisoned = (flags & 2) != 0;
    segment->damaged = (flags & 4) != 0;
    segments.push_back(std::move(segment));
  }
  const uint32_t stream_count = reader.count(40);
  for (uint32_t i = 0; i < stream_count; ++i) {
    auto stream = std::make_shared<Stream>();
    stream->id = reader.number<StreamId>();
    stream->name = reader.text();
    if (!decode_settings(reader.text(), stream->settings)) return broken;
    stream->last_seq = stream->committed_seq = reader.number<uint64_t>();
    stream->last_ts_ns = reader.number<int64_t>();
    stream->reserved_seq = reader.number<uint64_t>();
    const uint32_t lost = reader.count(16);
    for (uint32_t j = 0; j < lost; ++j) {
      const auto first = reader.number<uint64_t>();
      stream->lost.push_back({first, reader.number<uint64_t>()});
    }
    const uint32_t parts = reader.count(76);
    for (uint32_t j = 0; j < parts; ++j) {
      auto part = std::make_shared<Part>();
      const auto place = reader.number<uint32_t>();
      if (place >= segments.size()) return broken;
      part->segment = segments[place];
      part->first_seq = reader.number<uint64_t>();
      part->last_seq = reader.number<uint64_t>();
      part->live_bytes = reader.number<uint64_t>();
      part->count = reader.number<uint32_t>();
      part->live = reader.number<uint32_t>();
      part->ids = reader.number<uint32_t>();
      part->newest_ns = reader.number<int64_t>();
      part->age_seq = reader.number<uint64_t>();
      part->age_ns = reader.number<int64_t>();
      part->expiry_ns = reader.number<int64_t>();
      std::vector<SequenceRange> runs(reader.count(16));
      for (SequenceRange& run : runs) {
        run.first = reader.number<uint64_t>();
        run.last = reader.number<uint64_t>();
      }
      const auto base = reader.number<uint64_t>();
      std::vector<uint64_t> words(reader.count(8));
      for (uint64_t& word : words) word = reader.number<uint64_t>();
      if (!part->gone.assign(std::move(runs), base, std::move(words))) return broken;
      part->segment->live += part->live;
      part->segment->live_bytes += part->live_bytes;
      stream->messages += part->live;
      stream->bytes += part->live_bytes;
      stream->parts.push_back(std::move(part));
    }
    streams[stream->id] = std::move(stream);
  }
  if (!reader.at_end() || segments.empty()) return broken;
  return {};
}

std::string encode_checkpoint(const Checkpoint& checkpoint) {
  std::string out(kHeader, '\0');
  put(out.data(), kCheckpointMagic);
  put(out.data() + 4, uint32_t{kFormatVersion});
  put(out.data() + 8, checkpoint.generation);
  put(out.data() + 16, uint64_t{checkpoint.body.size()});
  put(out.data() + 24, checksum(bytes_of(checkpoint.body)));
  put(out.data() + 32, checksum(bytes_of(out).first(32)));
  return out + checkpoint.body;
}

CheckpointVerdict decode_checkpoint(std::string_view bytes, Checkpoint& checkpoint) {
  if (bytes.size() < kHeader || get<uint32_t>(bytes.data()) != kCheckpointMagic ||
      get<uint64_t>(bytes.data() + 32) != checksum(bytes_of(bytes).first(32)))
    return CheckpointVerdict::damaged;
  if (get<uint32_t>(bytes.data() + 4) != kFormatVersion) return CheckpointVerdict::newer;
  const std::string_view body = bytes.substr(kHeader);
  if (get<uint64_t>(bytes.data() + 16) != body.size() ||
      get<uint64_t>(bytes.data() + 24) != checksum(bytes_of(body)))
    return CheckpointVerdict::damaged;
  checkpoint.generation = get<uint64_t>(bytes.data() + 8);
  checkpoint.body = body;
  return CheckpointVerdict::good;
}

Result<void> save_checkpoint(Vfs& vfs, const Checkpoint& checkpoint) {
  const std::string bytes = encode_checkpoint(checkpoint);
  for (const char* copy : kCopies) {
    auto file = vfs.open(kFresh, Vfs::Mode::create);
    if (!file) return file.take_error();
    PIPIT_TRY(file.value()->truncate(0));
    PIPIT_TRY(write_all(*file.value(), bytes_of(bytes), 0));
    PIPIT_TRY(file.value()->sync());
    PIPIT_TRY(vfs.rename(kFresh, copy));
    PIPIT_TRY(vfs.sync_names());
  }
  return {};
}

Result<LoadedCheckpoint> load_checkpoint(Vfs& vfs) {
  LoadedCheckpoint loaded;
  for (const char* copy : kCopies) {
    auto bytes = read_whole(vfs, copy);
    if (!bytes) return bytes.take_error();
    if (!bytes.value()) continue;
    ++loaded.copies;
    Checkpoint found;
    switch (decode_checkpoint(*bytes.value(), found)) {
      case CheckpointVerdict::newer:
        return Error{Errc::not_built, 0, "checkpoint",
                     "the store was written by a later version of Pipit"};
      case CheckpointVerdict::damaged:
        ++loaded.damaged;
        break;
      case CheckpointVerdict::good:
        if (!loaded.checkpoint || loaded.checkpoint->generation < found.generation)
          loaded.checkpoint = std::move(found);
    }
  }
  if (loaded.copies > 0 && !loaded.checkpoint)
    return Error{Errc::io, 0, "checkpoint",
                 "both copies of the checkpoint are damaged; nothing was changed"};
  return loaded;
}

}  // namespace pipit::js::store
