// FileStore: a Store in a directory. What is called changes the State at once and is written behind
// it, in batches, by whoever turns the store: StoreThread in a program, a test in a simulation.
//
//   call ──▶ limits ──▶ State (with an undo) ──▶ Batch ──▶ turn(): write, sync ──▶ StoreListener
//
// One lock guards everything but the writing of a batch, which turn() does without it. tidy() works
// behind: it writes indexes of sealed segments, separates and compacts segments.
//
// I1  Records are written in the order of their calls; a batch is written when all before it are.
// I2  Either every pending batch is taken back or none: what comes after a failure saw its effects.
// I3  A segment is begun by a checkpoint that is on the disk, twice, before the first record of it.
//     If that fails, no record follows in the old one either: a copy may already say that it ended.
// I4  A segment is given up only when no copy of the checkpoint names it any more.
#pragma once
#include <deque>
#include <functional>
#include <mutex>
#include <set>

#include "jetstream/store/message_cache.h"
#include "jetstream/store/segment_files.h"
#include "jetstream/store/state.h"
#include "jetstream/store/store.h"
#include "jetstream/store/subject_merge.h"
#include "jetstream/store/vfs.h"

namespace pipit::js::store {

struct FileStoreOptions {
  uint64_t segment_bytes = 32u << 20;   // smaller ones are made where the disk is small
  uint32_t segment_records = 1u << 17;  // bounds the index that is held in memory
  size_t cache_bytes = 16u << 20;       // of indexes
  size_t message_cache_bytes = 4u << 20;
  size_t pending_bytes = 64u << 20;  // under way; then Errc::exhausted
  size_t batch_bytes = 4u << 20;
  bool sync_always = true;  // else every sync_interval_ns
  int64_t sync_interval_ns = 120'000'000'000;
  int64_t retry_ns = 250'000'000;  // how long publishes are refused after a failure
  bool verify = true;              // off only to show that the tests notice it
};

// What open() found.
struct RecoveryReport {
  uint64_t records = 0;         // behind the checkpoint
  uint64_t damaged_places = 0;  // not a whole record, with records behind it
  uint64_t damaged_bodies = 0;
  uint64_t missing_segments = 0;
  uint32_t damaged_checkpoints = 0;
  bool damaged_tail = false;  // sequences jump: some may have been given out already
  bool cut_batch = false;     // the process died while it wrote; nothing of that was acknowledged
};

class FileStore final : public Store {
 public:
  // Takes over the directory of `vfs`, which nobody else may use. Everything outlives the store.
  static Result<std::unique_ptr<FileStore>> open(Vfs& vfs, Clock& clock, StoreListener& listener,
                                                 const FileStoreOptions& options);
  ~FileStore() override;  // leaves the disk as it is; see close()

  Result<Receipt> create_stream(std::string_view name, const StreamSettings& settings,
                                uint64_t first_seq, StreamId& id) override;
  Result<Receipt> update_stream(StreamId id, const StreamSettings& settings) override;
  Result<Receipt> delete_stream(StreamId id) override;
  std::vector<std::pair<StreamId, std::string>> streams() override;
  Result<StreamSettings> settings(StreamId id) override;
  Result<StreamState> state(StreamId id) override;
  Result<std::vector<SequenceRange>> lost(StreamId id) override;
  Result<uint64_t> subject_count(StreamId id) override;
  Result<Receipt> append(StreamId id, const NewMessage& message) override;
  Result<Receipt> append_all(StreamId id, std::span<const NewMessage> messages) override;
  Result<Receipt> append_at(StreamId id, uint64_t expected_last, uint64_t seq,
                            const NewMessage& message) override;
  Result<Receipt> skip(StreamId id, uint64_t seq) override;
  Result<Receipt> remove(StreamId id, SequenceRange range, bool erase) override;
  Result<Receipt> purge(StreamId id, const SubjectFilter& filter, uint64_t below,
                        uint64_t keep) override;
  Result<StoredMessage> read(StreamId id, uint64_t seq) override;
  Result<StoredMessage> next(StreamId id, const SubjectFilter& filter, uint64_t seq) override;
  Result<StoredMessage> last(StreamId id, std::string_view subject) override;
  Result<StoredMessage> read_now(StreamId id, uint64_t seq) override;
  Result<StoredMessage> last_now(StreamId id, std::string_view subject) override;
  Result<StoredMessage> last_match(StreamId id, const SubjectFilter& filter) override;
  Result<Counted> count(StreamId id, const SubjectFilter& filter, uint64_t from) override;
  Result<std::vector<uint64_t>> last_each(StreamId id, const SubjectFilter& filter,
                                          uint64_t through, size_t limit) override;
  Result<uint64_t> find_first(StreamId id, std::string_view subject) override;
  Result<uint64_t> find_last(StreamId id, std::string_view subject) override;
  Result<uint64_t> find_id(StreamId id, std::string_view message_id, int64_t since_ns) override;
  Result<uint64_t> first_since(StreamId id, int64_t ts_ns) override;
  Result<std::vector<Due>> due(StreamId id, int64_t now_ns, size_t limit) override;
  Result<int64_t> next_due(StreamId id) override;
  Result<void> subjects(
      StreamId id, const SubjectFilter& filter,
      const std::function<void(std::string_view subject, uint64_t count)>& visit) override;
  Result<std::vector<SequenceRange>> deleted(StreamId id, size_t limit) override;

  // [store thread] Writes one batch, or syncs what is due. False: nothing to do.
  bool turn();
  // [one thread at a time] A piece of the work behind, at most one segment of it. False: none.
  bool tidy();
  // [store thread] Writes and syncs everything, and ends the active segment, so that the next
  // open() has nothing to recover. Requires: no other thread calls any more.
  Result<void> close();
  // Called, under the lock, when turn() has something to do again. Set before the first call.
  std::function<void()> on_pending;

  const RecoveryReport& recovery() const { return report_; }
  uint64_t segment_bytes() const { return options_.segment_bytes; }
  // Records of sealed segments that are read again, to find damage before somebody needs them.
  // Reads one segment a call; false at the end of a round. [one thread at a time]
  bool scrub();

 private:
  struct Erase {
    std::shared_ptr<Segment> segment;
    IndexEntry entry;
  };
  struct Batch {
    uint64_t offset = 0;
    uint32_t number = 0, count = 0, last_stream = 0;
    uint64_t last_seq = 0;
    std::string bytes;  // with room for the header
    Undo undo;
    Ticket first_ticket = 0, last_ticket = 0;
    // The last sequence of each stream in it, which may have been deleted meanwhile, and come back.
    std::map<std::shared_ptr<Stream>, uint64_t> touched;
    std::vector<Erase> erases;
    bool in_flight = false, wants_sync = false, for_message = false;
    std::shared_ptr<Segment> segment;  // where it is written
    // If it begins the segment:
    bool begins = false;
    std::string checkpoint;
    std::vector<std::shared_ptr<Segment>> given_up;  // segments that the checkpoint does not name
    uint32_t number_before = 0, records_before = 0;
    std::shared_ptr<File> file;
  };
  // What a batch was before a group came into it.
  struct Mark {
    Mark(const Batch& batch, const std::shared_ptr<Stream>& stream, Ticket next,
         uint32_t records_now);
    size_t undo, bytes;
    uint32_t count, last_stream, records;
    uint64_t last_seq, touched = 0;
    Ticket first_ticket, last_ticket, next_ticket;
  };
  struct Failure {
    Error error;
    bool poisons = false;     // the active segment may not be written to again
    bool half_begun = false;  // a copy of the checkpoint may have ended it (I3)
  };

  FileStore(Vfs& vfs, Clock& clock, StoreListener& listener, const FileStoreOptions& options);

  // file_store.cc, with the lock
  Result<void> admit(size_t bytes);
  Result<Stream*> stream_of(StreamId id);
  // `in`: the batch that it must be in.
  Result<Receipt> put(Record record, std::vector<Erase> erases = {}, Batch* in = nullptr,
                      bool again = false);
  struct Verdict {
    uint64_t evicts = 0;
    bool again = false;  // the subject is known to have a message
  };
  Result<Verdict> judge(Stream& stream, const NewMessage& message);
  void return_to(const Mark& mark, Batch& batch, Stream& stream);
  Record record_of(const Stream& stream, uint64_t seq, const NewMessage& message,
                   const Verdict& verdict);
  struct Place {
    uint64_t expected_last, seq;
  };
  Result<Receipt> append_group(StreamId id, std::span<const NewMessage> messages,
                               const Place* place);
  Result<Receipt> put_removals(Stream& stream, const std::vector<SequenceRange>& ranges,
                               bool erase);
  Result<uint64_t> over_limits(Stream& stream);
  Result<Receipt> trim(Stream& stream);
  Result<std::vector<SequenceRange>> over_subjects(Stream& stream, int64_t most);
  // reads.cc. Without the lock: messages that the filter takes, and the sequence to go on with.
  Result<uint64_t> search(StreamId id, const SubjectFilter& filter, SequenceRange range,
                          size_t most, std::vector<IndexEntry>& found, View view = View::under_way);
  Result<uint64_t> keep_from(StreamId id, const SubjectFilter& filter, uint64_t through,
                             uint64_t keep);
  Result<StoredMessage> fetch(std::unique_lock<std::mutex> lock, StreamId id,
                              const State::Place& place);

  // subject_merge.cc: without the lock. Outlived by `filter`.
  Result<SubjectMerge> merge_subjects(StreamId id, const SubjectFilter& filter, uint64_t through);

  // quick_read.cc
  using FindPlace = std::function<Result<std::optional<State::Place>>(const Stream&)>;
  Result<StoredMessage> quick_read(StreamId id, const FindPlace& find);

  // survey.cc
  class Survey;
  Result<uint64_t> committed(StreamId id);  // takes the lock, as these do
  Result<uint64_t> newest_match(StreamId id, const SubjectFilter& filter, uint64_t through);

  // commit.cc
  Batch& batch_for(size_t size, bool message);  // with the lock
  // With the lock: what is kept for ids only is given up from then on, at once on a full disk.
  int64_t dead_at() const;
  void plan_segment(Batch& batch, size_t size);
  std::optional<Failure> write_batch(Batch& batch);
  std::optional<Failure> begin_segment(Batch& batch);
  Result<void> keep_poisoned_index(const Segment& next);
  Result<void> create_segment_file(const Segment& segment, std::shared_ptr<File>& file);
  Result<void> erase_bodies(const std::vector<Erase>& erases);
  void commit(Batch& batch);
  void fail_all(const Failure& failure);
  void give_up(const std::vector<std::shared_ptr<Segment>>& segments);
  bool sync_if_due();

  // recovery.cc
  Result<void> recover();
  Result<void> start_afresh();
  Result<void> replay(Segment& segment, std::set<StreamId>& changed);
  void settle_files(const std::vector<std::string>& names);
  void keep_reserve();
  void jump_sequences(const Segment& segment, uint64_t damage_begin);

  // tidy.cc
  bool write_an_index();
  bool rewrite_some();
  struct Rewrite;
  std::optional<Rewrite> choose_rewrite();
  Result<void> copy(Rewrite& rewrite);
  void adopt(Rewrite& rewrite);
  bool roll_for_space();

  Vfs& vfs_;
  Clock& clock_;
  StoreListener& listener_;
  const FileStoreOptions options_;
  RecoveryReport report_;

  std::mutex mutex_;
  SegmentFiles files_;
  MessageCache messages_;
  State state_;
  std::deque<Batch> pending_;
  size_t pending_bytes_ = 0;
  Ticket next_ticket_ = 1;
  std::shared_ptr<Segment> written_to_;      // the last one that was begun on the disk
  uint64_t committed_end_ = kSegmentHeader;  // of it
  uint32_t number_ = 0;                      // of its last batch
  uint32_t records_ = 0;                     // in it
  bool must_roll_ = false;
  bool half_begun_ = false;  // I3: nothing may follow in the active segment
  bool full_ = false;        // the disk, when a segment was last to be begun
  int64_t blocked_until_ns_ = 0;
  Error blocked_by_;
  std::vector<std::pair<StreamId, SequenceRange>> lost_;  // to be told
  std::vector<std::shared_ptr<Segment>> unindexed_;       // sealed, their index still in memory
  uint64_t scrub_after_ = 0;

  // [store thread]
  std::shared_ptr<File> active_file_;
  bool dirty_ = false;
  std::vector<Erase> unfinished_;  // bodies still to be overwritten
  Ticket written_ = 0, durable_ = 0;
  uint32_t written_number_ = 0, synced_number_ = 0;  // of batches of the active segment
  int64_t sync_at_ns_ = 0;
};

}  // namespace pipit::js::store
