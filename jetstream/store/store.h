// Store: where the messages of streams are kept. Start here.
//
// A store holds the streams of one directory (FileStore, file_store.h) or of one process's memory
// (MemoryStore, memory_store.h). It knows sequences, subjects as bytes, limits and bytes; it knows
// no protocol, and nothing of it is ever printed.
//
// Order.   Every call that changes something takes effect at once for later calls, in the order of
//          the calls, and returns a ticket. Ticket 0 is safe already. Tickets rise. StoreListener
//          says which tickets are safe: what is acknowledged before durable() has named its ticket
//          may be lost by a power cut.
// Reading. read(), next(), last() and what is like them, last_each() and count() know only what is
//          committed: what its stream's policy promises before an acknowledgement; what a limit or
//          a call takes away stays until that is committed, too. All other questions see also what
//          is under way.
// Threads. Any thread may call anything. The listener is called by the store's thread, never inside
//          a call.
// Errors.  Errc::io with the errno of the disk (ENOSPC: full), Errc::exhausted for a limit,
// Errc::slow_consumer if
//          too much waits for the disk. A
// failed
//          batch takes back all that was under way: failed() names the tickets, none of which took
//          effect. Their sequences are handed out again; nobody has ever seen them.
#pragma once
#include <pipit/result.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipit::js::store {

using StreamId = uint32_t;
using Ticket = uint64_t;

struct SequenceRange {
  uint64_t first = 0, last = 0;  // both included
  friend bool operator==(const SequenceRange&, const SequenceRange&) = default;
};

// What the store enforces by itself; -1: no limit. `config` is the caller's own, kept as it is.
struct StreamSettings {
  int64_t max_msgs = -1;
  int64_t max_bytes = -1;
  int64_t max_msgs_per_subject = -1;
  int64_t max_age_ns = 0;                // 0: none; the store only says what is due()
  int64_t duplicate_window_ns = 0;       // how long the id of a message outlives it
  bool discard_new = false;              // refuse instead of removing the oldest
  bool discard_new_per_subject = false;  // with discard_new: refuse also per subject
  bool async = false;                    // committed when written, synced by the interval
  bool compress = false;                 // bodies are stored compressed where it pays
  std::string config;
};

struct StreamState {
  uint64_t messages = 0;
  uint64_t bytes = 0;      // as nats-server counts them: 30 + subject + payload, 4 + headers
  uint64_t first_seq = 0;  // last_seq + 1 if there is no message
  uint64_t last_seq = 0;
  uint64_t committed_seq = 0;  // what is read ends here
  int64_t first_ts_ns = 0;     // 0 if there is no message
  int64_t last_ts_ns = 0;
};

constexpr int64_t kNeverExpires = std::numeric_limits<int64_t>::max();

struct NewMessage {
  std::string_view subject, headers, payload;
  int64_t ts_ns = 0;       // 0: now
  int64_t expires_ns = 0;  // wall clock; 0: by max_age only; kNeverExpires: not even by that
  std::string_view id;     // for find_id(); empty: none
  bool rollup = false;  // older ones of its subject are about to go: their number refuses nothing
};

struct StoredMessage {
  uint64_t seq = 0;
  int64_t ts_ns = 0;
  std::string subject, headers, payload;
};

struct Due {
  uint64_t seq = 0;
  std::string subject;
};

struct Receipt {
  uint64_t seq = 0;  // of append(): the message's, of append_all() the last one's; of remove() and
                     // purge(): how many went
  Ticket ticket = 0;
  Ticket through = 0;  // of what a limit removed because of it; `ticket` if nothing
};

// How many messages of a stream, up to this sequence.
struct Counted {
  uint64_t messages = 0, through = 0;
};

// Which subjects a reader wants. The store does not know wildcards; whoever does brings the
// verdict.
struct SubjectFilter {
  std::string_view literal;                               // not empty: this one subject alone
  std::function<bool(std::string_view subject)> matches;  // else; empty: every subject
};

class StoreListener {
 public:
  virtual ~StoreListener() = default;
  // Every ticket up to this one is written; streams with `async` count it as committed.
  virtual void written(Ticket through) = 0;
  // ... is on the disk.
  virtual void durable(Ticket through) = 0;
  // None of [from, through] took effect; those that were written() before have, and stay readable,
  // but may not survive a power cut.
  virtual void failed(Ticket from, Ticket through, const Error& error) = 0;
  // Damage was found where this message should be. It is gone.
  virtual void lost(StreamId stream, SequenceRange range) = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // `first_seq` is the sequence of the first message. Names are bytes, at most 65,535 of them.
  virtual Result<Receipt> create_stream(std::string_view name, const StreamSettings& settings,
                                        uint64_t first_seq, StreamId& id) = 0;
  // Lower limits remove messages at once.
  virtual Result<Receipt> update_stream(StreamId id, const StreamSettings& settings) = 0;
  virtual Result<Receipt> delete_stream(StreamId id) = 0;
  virtual std::vector<std::pair<StreamId, std::string>> streams() = 0;
  virtual Result<StreamSettings> settings(StreamId id) = 0;
  virtual Result<StreamState> state(StreamId id) = 0;  // cheap
  // What damage took, never a limit or a deletion.
  virtual Result<std::vector<SequenceRange>> lost(StreamId id) = 0;
  // How many subjects have a message. Cheap while nothing was removed since it was last asked; else
  // it looks at every subject.
  virtual Result<uint64_t> subject_count(StreamId id) = 0;

  virtual Result<Receipt> append(StreamId id, const NewMessage& message) = 0;
  // Sequences one after another; all of the messages or none, also after a crash. Refused as a
  // whole, too, if a limit refuses one.
  virtual Result<Receipt> append_all(StreamId id, std::span<const NewMessage> messages) = 0;
  // A copy of another stream's message, which keeps its sequence `seq`. Those between the last one
  // and it hold no message. Errc::invalid_argument: the last one is not `expected_last` (any more).
  // Requires: seq > expected_last.
  virtual Result<Receipt> append_at(StreamId id, uint64_t expected_last, uint64_t seq,
                                    const NewMessage& message) = 0;
  // Moves the last sequence up to `seq` without a message: gaps of a mirror, messages of no
  // interest.
  virtual Result<Receipt> skip(StreamId id, uint64_t seq) = 0;
  // Deletes the messages of these sequences that there are. `erase` also overwrites their bytes on
  // the disk, before the ticket is durable unless the disk fails just then.
  virtual Result<Receipt> remove(StreamId id, SequenceRange range, bool erase) = 0;
  // Deletes messages before `below` (0: no bound) that the filter takes, but the newest `keep`.
  virtual Result<Receipt> purge(StreamId id, const SubjectFilter& filter, uint64_t below,
                                uint64_t keep) = 0;

  // Errc::invalid_argument: no such message (any more). Errc::io: it is there and cannot be read.
  virtual Result<StoredMessage> read(StreamId id, uint64_t seq) = 0;
  // The first message from `seq` on that the filter takes.
  virtual Result<StoredMessage> next(StreamId id, const SubjectFilter& filter, uint64_t seq) = 0;
  // The newest message of a subject.
  virtual Result<StoredMessage> last(StreamId id, std::string_view subject) = 0;
  // read() and last() for whoever must not wait: Errc::timeout where the disk or much reading would
  // be needed.
  virtual Result<StoredMessage> read_now(StreamId id, uint64_t seq) = 0;
  virtual Result<StoredMessage> last_now(StreamId id, std::string_view subject) = 0;
  // The newest message that the filter takes. Like the next two it may look at every subject that
  // the stream has.
  virtual Result<StoredMessage> last_match(StreamId id, const SubjectFilter& filter) = 0;
  // How many messages the filter takes from `from` on.
  virtual Result<Counted> count(StreamId id, const SubjectFilter& filter, uint64_t from) = 0;
  // Of each subject that the filter takes, its newest message at or before `through`: their
  // sequences as they rise. Errc::exhausted: more than `limit`.
  virtual Result<std::vector<uint64_t>> last_each(StreamId id, const SubjectFilter& filter,
                                                  uint64_t through, size_t limit) = 0;
  // The sequence of a subject's oldest and of its newest message with all that is under way, which
  // last() does not know yet; 0: none.
  virtual Result<uint64_t> find_first(StreamId id, std::string_view subject) = 0;
  virtual Result<uint64_t> find_last(StreamId id, std::string_view subject) = 0;
  // The sequence of the newest message with that id whose time is at least `since_ns`; 0: none.
  // Sees what is under way, and what was deleted within the stream's duplicate window; not what was
  // lost. A full disk may forget what was deleted, a restart what was erased.
  virtual Result<uint64_t> find_id(StreamId id, std::string_view message_id, int64_t since_ns) = 0;
  // The first message whose time is at least `ts_ns`, if times rise along the stream; last + 1:
  // none.
  virtual Result<uint64_t> first_since(StreamId id, int64_t ts_ns) = 0;
  // At most `limit` messages that max_age or their own time has run out for, by sequence. Who calls
  // removes them. A message behind one that is younger waits for it.
  virtual Result<std::vector<Due>> due(StreamId id, int64_t now_ns, size_t limit) = 0;
  // When due() has something (more); a time that is over: now; 0: never.
  virtual Result<int64_t> next_due(StreamId id) = 0;
  // Every subject with a message that the filter takes, in no order, and how many it has.
  virtual Result<void> subjects(
      StreamId id, const SubjectFilter& filter,
      const std::function<void(std::string_view subject, uint64_t count)>& visit) = 0;
  // Ranges of sequences between the first and the last that hold no message, at most `limit`.
  virtual Result<std::vector<SequenceRange>> deleted(StreamId id, size_t limit) = 0;
};

// What a message counts for in its stream's size: what nats-server's file store would take for it.
constexpr uint64_t counted_bytes(size_t subject, size_t headers, size_t payload) {
  return 30 + subject + payload + (headers > 0 ? 4 + headers : 0);
}

}  // namespace pipit::js::store
