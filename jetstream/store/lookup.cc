// The questions to a State: where is what, newest to oldest and oldest to newest.
#include <algorithm>

#include "jetstream/store/state.h"

namespace pipit::js::store {
namespace {

using Found = Result<std::optional<State::Place>>;

bool takes(const SubjectFilter& filter, std::string_view subject) {
  if (!filter.literal.empty()) return subject == filter.literal;
  return !filter.matches || filter.matches(subject);
}

// Rows of a part in the order of their hashes.
class RowCursor {
 public:
  RowCursor(const Part& part, std::shared_ptr<Index> index)
      : part_(part), index_(std::move(index)) {
    if (part.live_index) {
      order_.resize(index_->subjects());
      for (uint32_t i = 0; i < order_.size(); ++i) order_[i] = i;
      const auto& rows = part.live_index->rows();
      std::sort(order_.begin(), order_.end(),
                [&rows](uint32_t a, uint32_t b) { return rows[a].hash < rows[b].hash; });
    }
  }
  Result<bool> load() {
    if (at_ >= index_->subjects()) return false;
    auto row = index_->row(order_.empty() ? at_ : order_[at_]);
    if (!row) return row.take_error();
    row_ = row.value();
    return true;
  }
  void step() { ++at_; }
  const SubjectRow& row() const { return row_; }
  Index& index() { return *index_; }
  const Part& part() const { return part_; }

 private:
  const Part& part_;
  const std::shared_ptr<Index> index_;
  std::vector<uint32_t> order_;
  uint32_t at_ = 0;
  SubjectRow row_;
};

// The first entry of a row from `seq` on that is there, and what it says; kNone: there is none. It
// may lie near, or its subject may have few messages: looks along the entries and, from the other
// end, along those of the row, until one of both knows.
Result<uint32_t> first_of_row(const Part& part, Index& index, uint32_t number, uint64_t seq,
                              View view, IndexEntry& entry) {
  auto row = index.row(number);
  if (!row) return row.take_error();
  auto start = index.lower_bound(seq);
  if (!start) return start.take_error();
  uint32_t along = start.value(), chained = row.value().last, found = kNone;
  for (;;) {
    IndexEntry one;
    auto live = part.next_live(index, along, one, view);
    if (!live) return live;
    if (live.value() < index.size() && one.subject == number) {
      entry = one;
      return live;
    }
    along = live.value() + 1;
    if (chained == kNone || chained < start.value() || live.value() >= index.size()) return found;
    auto there = index.entry(chained);
    if (!there) return there.take_error();
    if (!part.is_gone(there.value().seq, view)) {
      found = chained;
      entry = there.value();
    }
    chained = there.value().prev;
  }
}

Result<uint64_t> count_live(RowCursor& cursor, uint64_t through) {
  uint64_t count = 0;
  for (uint32_t entry = cursor.row().last; entry != kNone;) {
    auto there = cursor.index().entry(entry);
    if (!there) return there.take_error();
    if (there.value().seq <= through && !cursor.part().gone.contains(there.value().seq)) ++count;
    entry = there.value().prev;
  }
  return count;
}

}  // namespace

Found State::first_from(const Stream& stream, uint64_t seq) {
  return next_match(stream, {}, seq, ~uint64_t{0});
}

Result<std::optional<IndexEntry>> State::first(Stream& stream) {
  if (!stream.first && stream.messages > 0) {
    auto found = first_from(stream, 0);
    if (!found) return found.take_error();
    if (found.value()) stream.first = found.value()->index;
  }
  return stream.messages > 0 ? stream.first : std::optional<IndexEntry>();
}

Result<uint64_t> State::first_since(const Stream& stream, int64_t ts_ns) {
  for (const auto& part : stream.parts) {
    if (part->live == 0 || part->newest_ns < ts_ns) continue;
    auto index = this->index(*part, stream.id);
    if (!index) return index.take_error();
    auto number = index.value()->lower_bound_of_time(ts_ns);
    if (!number) return number.take_error();
    IndexEntry entry;
    auto next = part->next_live(*index.value(), number.value(), entry);
    if (!next) return next.take_error();
    if (next.value() < index.value()->size()) return entry.seq;
  }
  return stream.last_seq + 1;
}

Found State::locate(const Stream& stream, uint64_t seq, View view, Patience patience) {
  const size_t i = stream.part_at(seq);
  if (i == stream.parts.size() || stream.parts[i]->first_seq > seq) return std::optional<Place>();
  const std::shared_ptr<Part>& part = stream.parts[i];
  if (part->is_bare(view) || part->is_gone(seq, view)) return std::optional<Place>();
  auto index = this->index(*part, stream.id, patience);
  if (!index) return index.take_error();
  auto entry = index.value()->lower_bound(seq);
  if (!entry) return entry.take_error();
  if (entry.value() >= index.value()->size()) return std::optional<Place>();
  auto there = index.value()->entry(entry.value());
  if (!there) return there.take_error();
  if (there.value().seq != seq) return std::optional<Place>();
  return std::optional<Place>({part, there.value()});
}

Found State::nth_newest(const Stream& stream, std::string_view subject, uint64_t through,
                        uint64_t n, View view, Patience patience) {
  for (size_t i = stream.parts.size(); i-- > 0;) {
    const std::shared_ptr<Part>& part = stream.parts[i];
    if (part->is_bare(view) || part->first_seq > through) continue;
    auto index = this->index(*part, stream.id, patience);
    if (!index) return index.take_error();
    auto number = index.value()->find(subject);
    if (!number) return number.take_error();
    if (number.value() == kNone) continue;
    auto row = index.value()->row(number.value());
    if (!row) return row.take_error();
    for (uint32_t entry = row.value().last; entry != kNone;) {
      auto there = index.value()->entry(entry);
      if (!there) return there.take_error();
      if (there.value().seq <= through && !part->is_gone(there.value().seq, view) && --n == 0)
        return std::optional<Place>({part, there.value()});
      entry = there.value().prev;
    }
  }
  return std::optional<Place>();
}

Found State::next_match(const Stream& stream, const SubjectFilter& filter, uint64_t seq,
                        uint64_t through) {
  for (size_t i = stream.part_at(seq); i < stream.parts.size(); ++i) {
    const std::shared_ptr<Part>& part = stream.parts[i];
    if (part->first_seq > through) break;
    if (part->live == 0) continue;
    auto index = this->index(*part, stream.id);
    if (!index) return index.take_error();
    std::vector<IndexEntry> found;
    auto resume = search(*part, *index.value(), {filter, seq, through, 1, kNone}, found);
    if (!resume) return resume.take_error();
    if (!found.empty()) return std::optional<Place>({part, found.front()});
  }
  return std::optional<Place>();
}

Result<uint64_t> State::search(const Part& part, Index& index, const Search& search,
                               std::vector<IndexEntry>& found) {
  const SubjectFilter& filter = search.filter;
  const bool all = filter.literal.empty() && !filter.matches;
  SubjectRow wanted_row;
  uint32_t wanted = kNone;
  if (!filter.literal.empty()) {
    auto number = index.find(filter.literal);
    if (!number) return number.take_error();
    if (number.value() == kNone) return part.last_seq + 1;
    wanted = number.value();
    auto row = index.row(wanted);
    if (!row) return row.take_error();
    wanted_row = row.value();
  }
  auto start = index.lower_bound(search.from);
  if (!start) return start.take_error();
  if (wanted != kNone && search.most == 1) {
    IndexEntry entry;
    auto first = first_of_row(part, index, wanted, search.from, search.view, entry);
    if (!first) return first.take_error();
    if (first.value() == kNone || entry.seq > search.through) return part.last_seq + 1;
    found.push_back(entry);
    return entry.seq + 1;
  }
  // Few of many: along the messages of the subject, from the newest to the oldest.
  if (wanted != kNone && wanted_row.count < (index.size() - start.value()) / 16) {
    const size_t before = found.size();
    for (uint32_t at = wanted_row.last; at != kNone;) {
      auto entry = index.entry(at);
      if (!entry) return entry.take_error();
      if (entry.value().seq < search.from) break;
      if (entry.value().seq <= search.through && !part.is_gone(entry.value().seq, search.view))
        found.push_back(entry.value());
      at = entry.value().prev;
    }
    std::reverse(found.begin() + static_cast<ptrdiff_t>(before), found.end());
    if (found.size() < search.most) return part.last_seq + 1;
    found.resize(search.most);
    return found.back().seq + 1;
  }
  // What the filter says of a row, once it was asked: 0 not yet, 1 no, 2 yes.
  std::vector<uint8_t> verdicts(all || wanted != kNone ? 0 : index.subjects());
  IndexEntry entry;
  uint32_t looked = 0;
  for (uint32_t number = start.value();; ++number) {
    auto live = part.next_live(index, number, entry, search.view);
    if (!live) return live.take_error();
    number = live.value();
    if (number >= index.size() || entry.seq > search.through) return part.last_seq + 1;
    if (looked++ == search.look_most) return entry.seq;
    const uint32_t subject = entry.subject;
    bool taken = all || (subject == wanted && subject != kNone);
    if (subject < verdicts.size()) {
      if (verdicts[subject] == 0) {
        auto row = index.row(subject);
        if (!row) return row.take_error();
        auto text = index.text(row.value());
        if (!text) return text.take_error();
        verdicts[subject] = takes(filter, text.value()) ? 2 : 1;
      }
      taken = verdicts[subject] == 2;
    }
    if (!taken) continue;
    found.push_back(entry);
    if (found.size() == search.most) return entry.seq + 1;
  }
}

Result<void> State::subjects(const Stream& stream, const SubjectFilter& filter, uint64_t through,
                             const std::function<void(std::string_view, uint64_t)>& visit) {
  // Parts have their rows by hash, so they are merged without holding more than a row of each.
  std::vector<RowCursor> cursors;
  for (const auto& part : stream.parts) {
    if (part->live == 0) continue;
    auto index = this->index(*part, stream.id);
    if (!index) return index.take_error();
    cursors.emplace_back(*part, std::move(index).value());
  }
  for (;;) {
    uint64_t lowest = 0;
    std::vector<RowCursor*> group;
    for (RowCursor& cursor : cursors) {
      auto there = cursor.load();
      if (!there) return there.take_error();
      if (!there.value() || (!group.empty() && cursor.row().hash > lowest)) continue;
      if (group.empty() || cursor.row().hash < lowest) group.clear();
      lowest = cursor.row().hash;
      group.push_back(&cursor);
    }
    if (group.empty()) return {};
    // Different subjects of one hash are told apart by their texts.
    std::map<std::string, uint64_t> counts;
    for (RowCursor* cursor : group) {
      for (;;) {
        auto there = cursor->load();
        if (!there) return there.take_error();
        if (!there.value() || cursor->row().hash != lowest) break;
        auto text = cursor->index().text(cursor->row());
        if (!text) return text.take_error();
        if (takes(filter, text.value())) {
          auto count = count_live(*cursor, through);
          if (!count) return count.take_error();
          counts[text.value()] += count.value();
        }
        cursor->step();
      }
    }
    for (const auto& [subject, count] : counts)
      if (count > 0) visit(subject, count);
  }
}

}  // namespace pipit::js::store
