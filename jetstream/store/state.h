// State: the streams and segments of a directory, as the records written so far have left them. A
// checkpoint is a State as bytes; recovery is a checkpoint with the records behind it applied.
//
// It holds a few words for each stream, for each part (a stream's share of a segment) and for each
// run of deleted messages, at most one bit a message; everything about single messages
// is in the indexes. Not thread-safe: the store's lock guards it.
#pragma once
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "jetstream/store/index.h"
#include "jetstream/store/record.h"
#include "jetstream/store/sequence_set.h"
#include "jetstream/store/store.h"
#include "jetstream/store/vfs.h"

namespace pipit::js::store {

using LiveParts = std::map<StreamId, std::shared_ptr<LiveIndex>>;

struct Segment {
  uint64_t id = 0;
  uint64_t key = 0;
  uint64_t capacity = 0;
  uint64_t end = kSegmentHeader;  // of its records
  uint64_t live_bytes = 0;        // what the messages that are not deleted count for
  uint64_t counted = 0;           // what all of them counted for
  uint32_t live = 0;              // messages
  int64_t ids_until_ns = 0;       // until then it is kept for the ids of what was deleted
  uint32_t erased = 0;            // bodies overwritten since it was opened
  bool sorted = false;            // stream by stream
  bool poisoned = false;          // a sync of it failed: to be written again elsewhere
  bool damaged = false;           // some of it is not what was written
  LiveParts live_parts;           // until its index is written; also of streams that were deleted

  bool is_dead(int64_t now_ns) const { return live == 0 && ids_until_ns <= now_ns; }
};

constexpr int64_t kUnknown = std::numeric_limits<int64_t>::min();

// Whose eyes: a reader's, for whom a deletion is one when it is committed, or those of what comes
// next.
enum class View : uint8_t { committed, under_way };

struct Part {
  std::shared_ptr<Segment> segment;
  std::shared_ptr<LiveIndex> live_index;  // while the segment is written
  uint64_t first_seq = 0, last_seq = 0;
  uint64_t live_bytes = 0;
  uint32_t count = 0;   // entries of its index
  uint32_t live = 0;    // of them not deleted
  SequenceSet gone;     // may hold sequences without an entry
  SequenceSet leaving;  // of them, those whose deletion is under way: readers still have them
  uint32_t ids = 0;
  int64_t newest_ns = kUnknown;  // no message of it is younger
  // Where due() goes on. All that max_age can remove is at `age_seq` or behind it, and at the time
  // `age_ns` (kUnknown: to be read; kNeverExpires: there is none). Nothing that is there expires
  // before `expiry_ns`; kNeverExpires: nothing does.
  uint64_t age_seq = 0;
  int64_t age_ns = kNeverExpires;
  int64_t expiry_ns = kNeverExpires;

  void forget_cursors();
  bool is_gone(uint64_t seq, View view) const {
    return gone.contains(seq) && (view == View::under_way || !leaving.contains(seq));
  }
  bool is_bare(View view) const {
    return live == 0 && (view == View::under_way || leaving.empty());
  }
  // A run of it goes, or is there again.
  void take(SequenceRange range, bool under_way);
  // The first entry from `number` on that is not gone, and what it says; index.size() if none.
  Result<uint32_t> next_live(Index& index, uint32_t number, IndexEntry& entry,
                             View view = View::under_way) const;
};

struct Stream {
  StreamId id = 0;
  std::string name;  // empty: its messages were found, but not who they belong to
  StreamSettings settings;
  uint64_t last_seq = 0;
  uint64_t committed_seq = 0;  // readers see up to here
  int64_t last_ts_ns = 0;
  uint64_t reserved_seq = 0;  // of the last checkpoint: no sequence above was given out under it
  uint64_t messages = 0, bytes = 0;
  std::vector<SequenceRange> lost;
  std::vector<std::shared_ptr<Part>> parts;  // by sequence
  // What was found out and is still so.
  std::optional<IndexEntry> first;
  std::optional<uint64_t> subjects;

  // The part whose range holds `seq`, or the first one behind it; parts.size() if none.
  size_t part_at(uint64_t seq) const;
  bool is_lost(uint64_t seq) const;
};

// How to take back what was applied, newest first.
struct UndoStep {
  enum class Kind : uint8_t { append, remove, remove_part, found, create, update, drop, roll };
  Kind kind;
  StreamId stream = 0;
  // append, update: the last sequence before. remove: what was removed; remove_part: the last of it
  uint64_t seq = 0;
  int64_t ts_ns = 0;           // append: the last time before
  std::shared_ptr<Part> part;  // remove_part
  SequenceSet gone;            // remove_part
  // drop: the stream. update: its settings before. found: what of it was lost before
  std::shared_ptr<Stream> before;
  uint64_t messages = 0, bytes = 0;  // remove, remove_part: what went, so that no index is needed
};
using Undo = std::vector<UndoStep>;

class State {
 public:
  using IndexOf = std::function<Result<std::shared_ptr<Index>>(const Part&, StreamId, Patience)>;
  // `index_of` opens the index of a sealed part.
  explicit State(IndexOf index_of) : index_of_(std::move(index_of)) {}

  std::map<StreamId, std::shared_ptr<Stream>> streams;
  std::vector<std::shared_ptr<Segment>>
      segments;  // in the order of their records; the last is active
  uint64_t next_segment = 1;
  StreamId next_stream = 1;
  uint64_t generation = 0;  // of the checkpoint

  Stream* find(StreamId id) {
    const auto found = streams.find(id);
    return found == streams.end() ? nullptr : found->second.get();
  }
  Segment& active() { return *segments.back(); }

  // Makes the record at `offset` of the active segment take effect. A body that is not good makes
  // its message a lost one. Fails only if an index cannot be read.
  // `again`: the stream is known to have a message of that subject already.
  Result<void> apply(const Record& record, uint64_t offset, bool body_good, Undo* undo,
                     bool again = false);
  void take_back(Undo& undo);
  // What these steps deleted is gone for readers, too.
  void let_go(const Undo& undo);
  // A new active segment; parts of the old one keep their indexes until seal().
  void roll(std::shared_ptr<Segment> segment, Undo* undo);

  Result<std::shared_ptr<Index>> index(const Part& part, StreamId stream,
                                       Patience patience = Patience::wait);
  // Where a message stands: nothing if it is not there (any more).
  struct Place {
    std::shared_ptr<Part> part;
    IndexEntry index;
  };
  // What is wanted of a part: messages in [from, through] that the filter takes.
  struct Search {
    const SubjectFilter& filter;
    uint64_t from, through;
    size_t most;         // so many at most
    uint32_t look_most;  // after looking at so many
    View view = View::under_way;
  };
  // Adds what it finds, oldest first; returns the sequence to go on with. Touches nothing of the
  // State: a copy of a sealed part may be searched without the lock.
  static Result<uint64_t> search(const Part& part, Index& index, const Search& search,
                                 std::vector<IndexEntry>& found);

  Result<std::optional<Place>> locate(const Stream& stream, uint64_t seq, View view,
                                      Patience patience = Patience::wait);
  // The first message; a number without a place.
  Result<std::optional<IndexEntry>> first(Stream& stream);
  // The first message from `seq` on, with any subject.
  Result<std::optional<Place>> first_from(const Stream& stream, uint64_t seq);
  // The newest message of a subject at or before `through`.
  Result<std::optional<Place>> last_of(const Stream& stream, std::string_view subject,
                                       uint64_t through, View view,
                                       Patience patience = Patience::wait) {
    return nth_newest(stream, subject, through, 1, view, patience);
  }
  // The n-th newest, counted from 1.
  Result<std::optional<Place>> nth_newest(const Stream& stream, std::string_view subject,
                                          uint64_t through, uint64_t n, View view = View::under_way,
                                          Patience patience = Patience::wait);
  // The first message in [seq, through] that the filter takes.
  Result<std::optional<Place>> next_match(const Stream& stream, const SubjectFilter& filter,
                                          uint64_t seq, uint64_t through);
  // Every subject that the filter takes, with its messages up to `through`.
  Result<void> subjects(const Stream& stream, const SubjectFilter& filter, uint64_t through,
                        const std::function<void(std::string_view, uint64_t)>& visit);
  Result<uint64_t> first_since(const Stream& stream, int64_t ts_ns);

  // due.cc: what the time has run out for, and when it next will.
  Result<std::vector<Due>> due(Stream& stream, int64_t now_ns, size_t limit);
  Result<int64_t> next_due(Stream& stream);

  // Deletes what is there of a range; counts what it deletes.
  Result<uint64_t> remove(Stream& stream, SequenceRange range, Undo* undo);
  // Damage: the sequences are gone and reported.
  void lose(Stream& stream, SequenceRange range);

  // At most this many sequences of a stream fit into a segment, so a mark so far ahead covers it.
  static uint64_t reserve_for(uint64_t capacity) { return capacity / kRecordHeader + 1; }

  // Of a directory whose active segment is empty: all that recovery needs.
  // Without what is dead at `now_ns`.
  std::string encode(int64_t now_ns) const;
  Result<void> decode(std::string_view bytes);

 private:
  void append(Stream& stream, const Record& record, uint64_t offset, bool body_good, Undo* undo);
  void count_subject(Stream& stream, const Part& part, std::string_view subject);
  void count_removed(Stream& stream, Part& part, uint64_t messages, uint64_t bytes);
  void restore(Stream& stream, Part& part, const UndoStep& step);
  Result<void> settle_age(const Stream& stream, Part& part);
  Result<void> settle_expiry(const Stream& stream, Part& part);

  const IndexOf index_of_;
};

std::string encode_settings(const StreamSettings& settings);
bool decode_settings(std::string_view bytes, StreamSettings& settings);

}  // namespace pipit::js::store
