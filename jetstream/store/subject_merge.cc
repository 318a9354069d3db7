#include "jetstream/store/subject_merge.h"

#include <algorithm>
#include <map>

#include "jetstream/store/file_store.h"

namespace pipit::js::store {
namespace {

constexpr size_t kRowsAtOnce = 170;  // of an index file's block

}  // namespace

bool SubjectMerge::takes(std::string_view subject) const {
  if (!filter_.literal.empty()) return subject == filter_.literal;
  return !filter_.matches || filter_.matches(subject);
}

void SubjectMerge::add_sealed(Part part, std::shared_ptr<Index> index) {
  Source source;
  source.part = std::move(part);
  source.index = std::move(index);
  sources_.push_back(std::move(source));
}

void SubjectMerge::add_live(const Part& part) {
  const LiveIndex& index = *part.live_index;
  const bool all = filter_.literal.empty() && !filter_.matches;
  Source source;
  for (SubjectRow row : index.rows()) {
    uint32_t count = 0;
    for (uint32_t at = row.last; at != kNone; at = index.entries()[at].prev) {
      const uint64_t seq = index.entries()[at].seq;
      count += seq <= through_ && !part.gone.contains(seq);
    }
    if (count == 0) continue;
    std::string text(std::string_view(index.texts()).substr(row.text_at, row.text_size));
    if (!all && !takes(text)) continue;
    row.count = count;
    row.text_at = static_cast<uint32_t>(source.texts.size());
    source.texts.push_back(std::move(text));
    source.rows.push_back(row);
  }
  sources_.push_back(std::move(source));
}

Result<void> SubjectMerge::start() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    if (!source.index)
      std::sort(source.rows.begin(), source.rows.end(),
                [](const SubjectRow& a, const SubjectRow& b) { return a.hash < b.hash; });
    source.at = source.index ? 0 : ~size_t{0};  // advance() makes it the first
    PIPIT_TRY(advance(i));
  }
  return {};
}

Result<void> SubjectMerge::advance(size_t number) {
  Source& source = sources_[number];
  if (++source.at >= source.rows.size()) {
    if (!source.index) return {};
    source.rows.resize(kRowsAtOnce);
    auto read = source.index->rows(source.next, source.rows);
    if (!read) return read.take_error();
    source.rows.resize(read.value());
    source.next += static_cast<uint32_t>(read.value());
    source.at = 0;
    if (source.rows.empty()) return {};
  }
  heads_.emplace(source.rows[source.at].hash, number);
  return {};
}

Result<uint64_t> SubjectMerge::live(Source& source, uint64_t enough) const {
  const SubjectRow& row = source.rows[source.at];
  if (!source.index || (source.part.gone.empty() && source.part.last_seq <= through_))
    return uint64_t{row.count};
  uint64_t count = 0;
  for (uint32_t at = row.last; at != kNone && count < enough;) {
    auto entry = source.index->entry(at);
    if (!entry) return entry.take_error();
    const uint64_t seq = entry.value().seq;
    count += seq <= through_ && !source.part.gone.contains(seq);
    at = entry.value().prev;
  }
  return count;
}

Result<uint64_t> SubjectMerge::count() {
  PIPIT_TRY(start());
  uint64_t subjects = 0;
  while (!heads_.empty()) {
    const uint64_t hash = heads_.top().first;
    bool there = false;
    while (!heads_.empty() && heads_.top().first == hash) {
      const size_t source = heads_.top().second;
      heads_.pop();
      if (!there) {
        auto some = live(sources_[source], 1);
        if (!some) return some;
        there = some.value() > 0;
      }
      PIPIT_TRY(advance(source));
    }
    subjects += there;
  }
  return subjects;
}

Result<void> SubjectMerge::visit(const std::function<void(std::string_view, uint64_t)>& visit) {
  PIPIT_TRY(start());
  std::map<std::string, uint64_t> counts;  // different subjects may have one hash
  while (!heads_.empty()) {
    const uint64_t hash = heads_.top().first;
    counts.clear();
    while (!heads_.empty() && heads_.top().first == hash) {
      const size_t number = heads_.top().second;
      Source& source = sources_[number];
      heads_.pop();
      const SubjectRow& row = source.rows[source.at];
      Result<std::string> text =
          source.index ? source.index->text(row) : Result<std::string>(source.texts[row.text_at]);
      if (!text) return text.take_error();
      if (takes(text.value())) {
        auto count = live(source, ~uint64_t{0});
        if (!count) return count.take_error();
        counts[text.value()] += count.value();
      }
      PIPIT_TRY(advance(number));
    }
    for (const auto& [subject, count] : counts)
      if (count > 0) visit(subject, count);
  }
  return {};
}

Result<SubjectMerge> FileStore::merge_subjects(StreamId id, const SubjectFilter& filter,
                                               uint64_t through) {
  SubjectMerge merge(filter, through);
  std::vector<Part> sealed;
  {
    const std::lock_guard lock(mutex_);
    auto stream = stream_of(id);
    if (!stream) return stream.take_error();
    for (const auto& part : stream.value()->parts) {
      if (part->live == 0) continue;
      if (part->live_index)
        merge.add_live(*part);
      else
        sealed.push_back(*part);
    }
  }
  for (Part& part : sealed) {
    auto index = files_.index(part.segment, part.count, id);
    if (!index) return index.take_error();
    merge.add_sealed(std::move(part), std::move(index).value());
  }
  return merge;
}

Result<uint64_t> FileStore::subject_count(StreamId id) {
  uint64_t messages = 0, last_seq = 0, bytes = 0;
  {
    const std::lock_guard lock(mutex_);
    auto found = stream_of(id);
    if (!found) return found.take_error();
    const Stream& stream = *found.value();
    if (stream.settings.max_msgs_per_subject == 1) return stream.messages;
    if (stream.subjects) return *stream.subjects;
    messages = stream.messages, last_seq = stream.last_seq, bytes = stream.bytes;
  }
  const SubjectFilter all;
  auto merge = merge_subjects(id, all, ~uint64_t{0});
  if (!merge) return merge.take_error();
  auto count = merge.value().count();
  if (!count) return count;
  const std::lock_guard lock(mutex_);
  auto found = stream_of(id);
  if (!found) return found.take_error();
  Stream& stream = *found.value();
  // Nothing came or went meanwhile.
  if (stream.messages == messages && stream.last_seq == last_seq && stream.bytes == bytes)
    stream.subjects = count.value();
  return count;
}

Result<void> FileStore::subjects(StreamId id, const SubjectFilter& filter,
                                 const std::function<void(std::string_view, uint64_t)>& visit) {
  auto through = committed(id);
  if (!through) return through.take_error();
  auto merge = merge_subjects(id, filter, through.value());
  if (!merge) return merge.take_error();
  return merge.value().visit(visit);
}

}  // namespace pipit::js::store
