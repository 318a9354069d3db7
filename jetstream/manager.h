// Manager: JetStream of one server. Opens the store, brings back its streams, and owns what they
// run on: a Shard for each reactor, the store's threads, the worker of the API. Start here.
//
// Order.   open() before the reactors run; started() when they do; begin_stop() before they close;
//          destroyed when they have ended, which writes and closes the store.
// Threads. As marked; the store's threads call the listener.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "jetstream/advisory.h"
#include "jetstream/api.h"
#include "jetstream/catalogue.h"
#include "jetstream/commit_wait.h"
#include "jetstream/direct_reader.h"
#include "jetstream/followers.h"
#include "jetstream/homes.h"
#include "jetstream/js_clock.h"
#include "jetstream/settings.h"
#include "jetstream/shard.h"
#include "jetstream/store/file_store.h"
#include "jetstream/store/memory_store.h"
#include "jetstream/store/posix_vfs.h"
#include "jetstream/store/store_thread.h"
#include "jetstream/worker.h"

namespace pipit::js {

class Manager final : public store::StoreListener {
 public:
  // On failure nothing is left behind but what the store has recovered.
  static Result<std::unique_ptr<Manager>> open(Settings settings, const std::vector<Home>& homes);
  ~Manager() override;

  Guest& guest(size_t home) { return homes_.shard(home); }
  // [any thread] The reactors run: requests of the API are executed from now on.
  void started();
  // [any thread] Nothing new: the worker ends.
  void begin_stop();

  // [any thread] For monitoring.
  const Settings& settings() const { return settings_; }
  const Catalogue& catalogue() const { return *catalogue_; }
  const Api& api() const { return *api_; }
  Usage usage() const { return catalogue_->usage(); }

  // StoreListener
  void written(store::Ticket through) override;
  void durable(store::Ticket through) override;
  void failed(store::Ticket from, store::Ticket through, const Error& error) override;
  void lost(store::StreamId stream, store::SequenceRange range) override;

 private:
  // Takes requests where they are published, on the first reactor.
  class Inlet;

  explicit Manager(Settings settings);
  Result<void> open_store();
  void start_clock();
  void listen(Host& host);
  void execute(const ApiRequest& request);
  void advise(Advisory advisory);
  void wake(size_t home);

  const Settings settings_;
  store::PosixClock system_clock_;
  JsClock clock_{system_clock_};
  CommitWait commits_;
  std::vector<std::unique_ptr<Shard>> shards_;
  DirectReader reader_{homes_};
  Homes homes_;
  std::unique_ptr<store::PosixVfs> vfs_;
  std::unique_ptr<store::FileStore> file_;
  std::unique_ptr<store::Store> memory_;
  std::unique_ptr<Catalogue> catalogue_;
  std::unique_ptr<SourceNotes> notes_;
  std::unique_ptr<Followers> followers_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<Worker> worker_;
  std::vector<std::unique_ptr<Inlet>> inlets_;
  int64_t told_full_ns_ = INT64_MIN / 2;              // the store's thread's
  std::unique_ptr<store::StoreThread> store_thread_;  // the first to end: it reports to all others
};

}  // namespace pipit::js
