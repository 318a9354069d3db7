// Follower: what a mirror and a source have in common: it reads its origin, another stream of the
// same server, a batch at a time, and has the stream it works for store it.
//
// One batch is under way at most, and the next one is read when the store has said that it is safe:
// what a failing disk takes back is read again, and memory is bounded by kBatchBytes and one
// message. Works on the thread of Followers, which may wait for the disk; report() is for any
// thread.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "jetstream/api_errors.h"
#include "jetstream/copies.h"
#include "jetstream/homes.h"
#include "jetstream/origin.h"
#include "jetstream/progress.h"
#include "jetstream/settings.h"
#include "jetstream/source_notes.h"
#include "jetstream/store/vfs.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class Stream;

// What followers need of JetStream.
struct FollowerWorld {
  std::function<SetupRef(std::string_view name)> find;  // a stream as it is now; null: none
  Homes& homes;
  store::Clock& clock;
  const Settings& settings;
  SourceNotes* notes = nullptr;  // of streams on disk
  uint64_t note_every = 8192;    // messages of the stream
};

// How it stands with an origin.
struct FollowReport {
  uint64_t lag = 0;        // messages that it has and we do not, at most
  int64_t active_ns = -1;  // since it was last seen; -1: never
  std::optional<ApiError> error;
};

class Follower : public std::enable_shared_from_this<Follower> {
 public:
  static constexpr size_t kBatchMessages = 512, kBatchBytes = 1 << 20;
  static constexpr int64_t kRetryNs = 1'000'000'000;

  Follower(FollowerWorld& world, SetupRef stream, StreamSource source);
  virtual ~Follower() = default;

  // [Followers] One batch at most. `news`: what became of tickets since the last step. True: there
  // may be more at once.
  bool step(const Progress::News& news);
  // [Followers] Up to where all that it wants of its origin is safe here. Nothing: not known.
  struct Passed {
    SetupRef origin;
    uint64_t below = 0;
    store::SubjectFilter wants;  // refers to the follower
  };
  std::optional<Passed> passed() const;
  // [any thread]
  FollowReport report() const;

  const StreamSource& source() const { return source_; }
  // [any thread] A message of its origin.
  bool takes(std::string_view subject) const { return origin_.takes(subject); }

 protected:
  // Where to begin with an origin that is seen for the first time: its first sequence to read.
  virtual uint64_t begin(const StreamSetup& origin, const store::StreamState& state) = 0;
  // The message as it is to be stored.
  virtual void adapt(store::StoredMessage& message) = 0;
  // Runs on the stream's reactor.
  virtual CopyOutcome hand_over(Stream& stream, const Copies& copies) const = 0;
  // Before the batch is handed over, and after.
  virtual void prepare(Copies&) {}
  virtual void taken(const CopyOutcome&) {}
  // Nothing is under way: what it wants below `next` is safe, and `lag` messages are not.
  virtual void at_rest(uint64_t /*next*/, uint64_t /*lag*/) {}

  FollowerWorld& world_;
  const SetupRef stream_;  // as it was when this was made: its identity holds
  const StreamSource source_;
  Origin origin_;

 private:
  struct Work;  // a batch at the reactor
  bool settled(const Progress::News& news);
  bool meet(const StreamSetup& origin);
  bool can_begin();
  void read(const StreamSetup& origin, Copies& copies);
  bool deliver(const std::shared_ptr<Work>& work);
  void refused(const Error& error);
  void tell(std::optional<ApiError> error);
  void see(size_t left);

  SetupRef met_;                          // the origin as it was met; null: not yet
  bool begun_ = false;                    // next_ holds
  std::optional<uint64_t> begin_behind_;  // the stream's last sequence when it wanted to
  uint64_t next_ = 0;                     // the first sequence of the origin to read
  uint64_t safe_next_ = 0;                // the same, if what is under way fails
  store::Ticket under_way_ = 0;
  bool stopped_ = false;  // with the server
  bool at_end_ = false;   // nothing was left when it was last read
  uint64_t beyond_ = 0;   // else how much, at most
  int64_t retry_at_ns_ = 0;
  std::string said_;  // the last trouble that was logged

  mutable std::mutex mutex_;  // of what follows
  FollowReport report_;
  int64_t seen_at_ns_ = 0;  // 0: never
};

}  // namespace pipit::js
