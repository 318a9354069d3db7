#include "jetstream/store/check.h"

#include <algorithm>
#include <set>

#include "jetstream/store/checkpoint.h"
#include "jetstream/store/segment_files.h"
#include "jetstream/store/segment_scan.h"

namespace pipit::js::store {
namespace {

constexpr size_t kCacheBytes = 1u << 20;

std::string span_of(SequenceRange range) {
  const std::string first = std::to_string(range.first);
  return range.first == range.last ? first : first + " to " + std::to_string(range.last);
}

class Checker {
 public:
  Checker(Vfs& vfs, bool repair)
      : vfs_(vfs), repair_(repair), state_([this](const Part& part, StreamId stream, Patience) {
          return index_of(part, stream);
        }) {}

  Result<CheckReport> run() {
    auto names = vfs_.list();
    if (!names) return names.take_error();
    names_ = {names.value().begin(), names.value().end()};
    PIPIT_TRY(check_checkpoint());
    report_.streams = state_.streams.size();
    report_.segments = state_.segments.size();
    const std::vector<std::shared_ptr<Segment>> segments = state_.segments;
    for (const auto& segment : segments) {
      if (segment == segments.back())
        PIPIT_TRY(check_active(*segment));
      else
        PIPIT_TRY(check_sealed(segment));
    }
    note_other_files();
    if (repair_ && changed_) PIPIT_TRY(save());
    return std::move(report_);
  }

 private:
  Finding& tell(Finding::Kind kind, const std::string& file, std::string text) {
    return report_.findings.emplace_back(Finding{kind, file, std::move(text), false});
  }

  Result<void> check_checkpoint() {
    auto loaded = load_checkpoint(vfs_);
    if (!loaded) return loaded.take_error();
    if (!loaded.value().checkpoint)
      return Error{Errc::io, 0, "check", "there is no store in this directory"};
    PIPIT_TRY(state_.decode(loaded.value().checkpoint->body));
    state_.generation = loaded.value().checkpoint->generation;
    if (loaded.value().damaged == 0 && loaded.value().copies == 2) return {};
    Finding& finding = tell(Finding::Kind::repairable, "checkpoint",
                            loaded.value().copies == 2 ? "one of the two copies is damaged"
                                                       : "one of the two copies is missing");
    if (!repair_) return {};
    PIPIT_TRY(save_checkpoint(vfs_, *loaded.value().checkpoint));
    finding.repaired = true;
    return {};
  }

  // What is behind the checkpoint: the next start reads it, and reports what it does not find.
  Result<void> check_active(const Segment& segment) {
    const std::string name = SegmentFiles::data_name(segment.id);
    if (!names_.contains(name)) {
      tell(Finding::Kind::loss, name, "the segment that was written to is missing");
      return {};
    }
    auto bytes = load(segment, segment.capacity);
    if (!bytes) return bytes.take_error();
    uint64_t places = 0, bodies = 0;
    const Bytes view = std::as_bytes(std::span(bytes.value()));
    SegmentHeader header;
    std::optional<CutBatch> cut;
    if (read_segment_header(view, header) == SegmentVerdict::good && header.boot != 0 &&
        header.boot == vfs_.boot())
      cut = cut_batch(view, segment.key);
    SegmentScan scan(view, segment.key);
    for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;) {
      if (cut && scan.offset() >= cut->end) break;
      places += found == SegmentScan::Found::damage;
      if (found != SegmentScan::Found::record) continue;
      if (!scan.parsed().body_good)
        ++bodies;
      else
        count(scan.parsed());
    }
    if (places + bodies > 0)
      tell(Finding::Kind::loss, name,
           std::to_string(places) + " damaged places and " + std::to_string(bodies) +
               " damaged records behind the checkpoint; the next start settles them");
    else if (!scan.whole_tail())
      tell(Finding::Kind::note, name, "the last batch is not whole: it was never acknowledged");
    return {};
  }

  Result<void> check_sealed(const std::shared_ptr<Segment>& segment) {
    const std::string name = SegmentFiles::data_name(segment->id);
    if (!names_.contains(name)) {
      lose_all(*segment, name, "the segment is missing");
      return {};
    }
    auto bytes = load(*segment, segment->end);
    if (!bytes) return bytes.take_error();
    std::map<StreamId, std::set<uint64_t>> good;
    scanned_.clear();
    SegmentScan scan(std::as_bytes(std::span(bytes.value())), segment->key);
    for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;) {
      if (found != SegmentScan::Found::record) continue;
      const ParsedRecord& parsed = scan.parsed();
      if (parsed.record.kind != RecordKind::message) continue;
      std::shared_ptr<LiveIndex>& index = scanned_[parsed.record.stream];
      if (!index) index = std::make_shared<LiveIndex>();
      index->add(parsed.record, scan.offset(), parsed.counted);
      if (!parsed.body_good) continue;
      good[parsed.record.stream].insert(parsed.record.seq);
      count(parsed);
    }
    PIPIT_TRY(check_index(*segment));
    for (const auto& [id, stream] : state_.streams)
      for (const auto& part : std::vector(stream->parts))
        if (part->segment == segment && part->live > 0)
          PIPIT_TRY(check_part(*stream, *part, name, good[id]));
    return {};
  }

  // Leaves in index_ what is to be believed: the file, or what the records say.
  Result<void> check_index(const Segment& segment) {
    index_.reset();
    const std::string name = SegmentFiles::index_name(segment.id);
    if (scanned_.empty() && !names_.contains(name)) return {};
    Error wrong{Errc::io, 0, "check", "the index is missing"};
    if (names_.contains(name)) {
      auto file = vfs_.open(name, Vfs::Mode::existing);
      if (!file) return file.take_error();
      auto size = file.value()->size();
      if (!size) return size.take_error();
      auto bytes = SegmentFiles::load(*file.value(), size.value());
      if (!bytes) return bytes.take_error();
      wrong.text = "the index is damaged";
      if (index_is_sound(bytes.value(), segment.key, segment.end)) {
        cache_.forget(segment.id);
        auto opened = IndexFile::open(file.value(), segment.id, segment.key, segment.end, cache_,
                                      [wrong]() -> Result<std::string> { return wrong; });
        if (!opened) return opened.take_error();
        index_ = std::move(opened).value();
        return {};
      }
    }
    Finding& finding = tell(Finding::Kind::repairable, name, wrong.text);
    if (!repair_) return {};
    PIPIT_TRY(
        SegmentFiles::write_index(vfs_, segment, SegmentFiles::encode(segment, scanned_), true));
    PIPIT_TRY(vfs_.sync_names());
    finding.repaired = true;
    return {};
  }

  Result<std::shared_ptr<Index>> index_of(const Part&, StreamId stream) {
    std::shared_ptr<Index> index = index_ ? index_->part(stream) : nullptr;
    if (!index)
      if (const auto found = scanned_.find(stream); found != scanned_.end()) index = found->second;
    if (!index) index = std::make_shared<LiveIndex>();
    return index;
  }

  Result<void> check_part(Stream& stream, Part& part, const std::string& file,
                          const std::set<uint64_t>& good) {
    auto index = index_of(part, stream.id);
    std::vector<SequenceRange> missing;
    IndexEntry entry;
    for (uint32_t number = 0;; ++number) {
      auto next = part.next_live(*index.value(), number, entry);
      if (!next) return next.take_error();
      number = next.value();
      if (number >= index.value()->size()) break;
      if (good.contains(entry.seq)) continue;
      if (!missing.empty() && missing.back().last + 1 == entry.seq)
        missing.back().last = entry.seq;
      else
        missing.push_back({entry.seq, entry.seq});
    }
    for (const SequenceRange range : missing) {
      Finding& finding = tell(Finding::Kind::loss, file,
                              "stream " + stream.name + ": cannot read message " + span_of(range));
      if (!repair_) continue;
      auto removed = state_.remove(stream, range, nullptr);
      if (!removed) return removed.take_error();
      state_.lose(stream, range);
      part.segment->damaged = changed_ = true;
      finding.repaired = true;
    }
    // The index was made from the records, and some have no header any more.
    if (index.value()->size() < part.count)
      tell(Finding::Kind::loss, file,
           "stream " + stream.name + ": " + std::to_string(part.count - index.value()->size()) +
               " messages between " + span_of({part.first_seq, part.last_seq}) +
               " cannot be found");
    return {};
  }

  void lose_all(Segment& segment, const std::string& file, const std::string& why) {
    for (const auto& [id, stream] : state_.streams) {
      for (const auto& part : std::vector(stream->parts)) {
        if (part->segment.get() != &segment || part->live == 0) continue;
        const SequenceRange range{part->first_seq, part->last_seq};
        tell(Finding::Kind::loss, file,
             why + "; stream " + stream->name + ": messages " + span_of(range) +
                 "; the next start reports them");
      }
    }
  }

  void note_other_files() {
    std::set<std::string> known{"checkpoint.a", "checkpoint.b", "checkpoint.new", "spare",
                                "reserve"};
    for (const auto& segment : state_.segments) {
      known.insert(SegmentFiles::data_name(segment->id));
      known.insert(SegmentFiles::index_name(segment->id));
    }
    for (const std::string& name : names_) {
      if (known.contains(name)) continue;
      const bool aside = name.ends_with(".damaged");
      tell(Finding::Kind::note, name,
           aside ? "put aside because of damage; nothing needs it" : "belongs to nothing any more");
    }
  }

  // Segments of which nothing is left are put aside before a start takes them for leftovers.
  Result<void> save() {
    const std::vector<std::shared_ptr<Segment>> segments = state_.segments;
    PIPIT_TRY(save_checkpoint(vfs_, {state_.generation + 1, state_.encode(0)}));
    for (const auto& segment : segments) {
      const std::string name = SegmentFiles::data_name(segment->id);
      if (segment != segments.back() && segment->damaged && segment->is_dead(0))
        PIPIT_TRY(vfs_.rename(name, name + ".damaged"));
    }
    return vfs_.sync_names();
  }

  Result<std::string> load(const Segment& segment, uint64_t size) {
    auto file = vfs_.open(SegmentFiles::data_name(segment.id), Vfs::Mode::existing);
    if (!file) return file.take_error();
    return SegmentFiles::load(*file.value(), size);
  }
  void count(const ParsedRecord& parsed) {
    ++report_.messages;
    report_.bytes += parsed.end;
  }

  Vfs& vfs_;
  const bool repair_;
  CheckReport report_;
  std::set<std::string> names_;
  State state_;
  BlockCache cache_{kCacheBytes};
  std::shared_ptr<IndexFile> index_;  // of the segment that is looked at
  LiveParts scanned_;                 // what its records say
  bool changed_ = false;
};

}  // namespace

bool CheckReport::sound() const {
  return std::all_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.kind == Finding::Kind::note || finding.repaired;
  });
}

Result<CheckReport> check(Vfs& vfs, bool repair) { return Checker(vfs, repair).run(); }

}  // namespace pipit::js::store
