// Catalogue: which streams there are. Makes, changes and deletes them in the store and on their
// home reactors, in an order that a crash between two steps leaves whole: what is in the store is
// there.
//
// Changed by one thread, the worker of the API (or the start); looked at by any.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "jetstream/api_errors.h"
#include "jetstream/commit_wait.h"
#include "jetstream/followers.h"
#include "jetstream/homes.h"
#include "jetstream/settings.h"
#include "jetstream/stream_report.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class Catalogue {
 public:
  Catalogue(const Settings& settings, store::Store& file, store::Store& memory, CommitWait& commits,
            Homes& homes)
      : settings_(settings), file_(file), memory_(memory), commits_(commits), homes_(homes) {}

  // [start] Who is told of every stream that comes, changes or goes.
  void tell(Followers& followers) { followers_ = &followers; }
  const Followers& followers() const { return *followers_; }
  // [worker] Those of a stream that was made or changed, when that has been told.
  void start_followers() { followers_->wake(); }
  // [start] The streams that the store has. One whose definition cannot be read stays in the store,
  // untouched, and is said in the log. What expired meanwhile goes.
  Result<void> recover(int64_t now_ns);

  // [any thread] Null: there is none.
  SetupRef find(std::string_view name) const;
  // By name.
  std::vector<SetupRef> all() const;
  Usage usage() const;

  // [worker] `config` is checked and complete. Nothing: done, and `out` is the stream as it is now.
  std::optional<ApiError> create(StreamConfig config, int64_t now_ns, SetupRef& out);
  std::optional<ApiError> update(const StreamSetup& old, StreamConfig config, SetupRef& out);
  std::optional<ApiError> remove(const StreamSetup& stream);

  // [worker] After each change that was made: "create", "modify" or "delete". Set before the first.
  std::function<void(const std::string& name, std::string_view action)> on_change;

  // What the store enforces by itself.
  static store::StreamSettings settings_of(const StreamConfig& config, const Timestamp& created);

 private:
  AckWhen ack_when(const StreamConfig& config) const;
  // When the store's answer to a change of its definition counts.
  AckWhen definition_when(const StreamSetup& stream) const {
    if (stream.ack_when != AckWhen::at_once) return stream.ack_when;
    return settings_.sync_always ? AckWhen::durable : AckWhen::written;
  }
  std::string store_name(std::string_view name) const {
    return settings_.account + ' ' + std::string(name);
  }
  // What of a setup follows from its configuration.
  void derive(StreamSetup& setup);
  void keep(SetupRef setup);
  void drop_orphans();

  const Settings& settings_;
  store::Store& file_;
  store::Store& memory_;
  CommitWait& commits_;
  Homes& homes_;
  Followers* followers_ = nullptr;
  Quota file_quota_{static_cast<uint64_t>(settings_.max_file), [this] { return usage().storage; }};
  Quota memory_quota_{static_cast<uint64_t>(settings_.max_memory),
                      [this] { return usage().memory; }};
  mutable std::mutex mutex_;  // of streams_
  std::map<std::string, SetupRef, std::less<>> streams_;
};

// A failure of the store, as the API tells it.
ApiError stream_error(JsErr kind, const Error& error);

}  // namespace pipit::js
