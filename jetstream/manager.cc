#include "jetstream/manager.h"

#include <algorithm>
#include <cerrno>

namespace pipit::js {

class Manager::Inlet final : public Receiver {
 public:
  // `prefix` stands for "$JS.API." in subjects of requests.
  Inlet(Manager& manager, Host& host, std::string prefix)
      : manager_(manager), host_(host), prefix_(std::move(prefix)) {}
  bool listen() { return host_.subscribe(prefix_ + ">", "", *this) != 0; }

  bool receive(const HostMessage& message) override {
    const std::string_view endpoint = message.subject.substr(prefix_.size());
    if (!Api::answers(endpoint)) return false;
    ApiRequest request;
    request.subject = std::string(Api::kPrefix) + std::string(endpoint);
    request.reply = message.reply;
    request.headers = message.headers;
    request.body = message.payload;
    const size_t dropped = manager_.worker_->push(std::move(request));
    if (dropped > 0) {
      const Settings& settings = manager_.settings_;
      settings.log(Settings::Say::warning, "JetStream API queue limit reached, dropped " +
                                               std::to_string(dropped) + " requests");
      manager_.advise(api_limit_reached(settings, manager_.clock_.wall_ns(), dropped));
    }
    return true;
  }

 private:
  Manager& manager_;
  Host& host_;
  const std::string prefix_;
};

Manager::Manager(Settings settings) : settings_(std::move(settings)) {}

Result<std::unique_ptr<Manager>> Manager::open(Settings settings, const std::vector<Home>& homes) {
  std::unique_ptr<Manager> manager(new Manager(std::move(settings)));
  for (const Home& home : homes) {
    manager->shards_.push_back(std::make_unique<Shard>(manager->settings_, manager->clock_,
                                                       manager->reader_, manager->shards_.size()));
    manager->shards_.back()->move_in(*home.host);
    manager->homes_.add(*manager->shards_.back(), home.post);
  }
  PIPIT_TRY(manager->open_store());
  PIPIT_TRY(manager->catalogue_->recover(manager->clock_.wall_ns()));
  manager->listen(*homes.front().host);
  return manager;
}

Result<void> Manager::open_store() {
  auto vfs = store::PosixVfs::open_directory(settings_.folder + "/pipit");
  if (!vfs) return vfs.take_error();
  vfs_ = std::move(vfs).value();
  store::FileStoreOptions options;
  options.sync_always = settings_.sync_always;
  if (!settings_.sync_always) options.sync_interval_ns = settings_.sync_interval_ns;
  auto file = store::FileStore::open(*vfs_, clock_, *this, options);
  if (!file) return file.take_error();
  file_ = std::move(file).value();
  const store::RecoveryReport& report = file_->recovery();
  if (report.damaged_places + report.damaged_bodies + report.missing_segments +
          report.damaged_checkpoints >
      0)
    settings_.log(Settings::Say::warning,
                  "JetStream store: damage was found: " + std::to_string(report.damaged_places) +
                      " places, " + std::to_string(report.damaged_bodies) + " messages, " +
                      std::to_string(report.missing_segments) + " missing segments, " +
                      std::to_string(report.damaged_checkpoints) + " checkpoints");
  start_clock();
  memory_ = std::make_unique<store::MemoryStore>(clock_);
  catalogue_ = std::make_unique<Catalogue>(settings_, *file_, *memory_, commits_, homes_);
  notes_ = std::make_unique<SourceNotes>(*file_);
  followers_ = std::make_unique<Followers>(
      FollowerWorld{[this](std::string_view name) { return catalogue_->find(name); }, homes_,
                    clock_, settings_, notes_.get()});
  catalogue_->tell(*followers_);
  for (const auto& shard : shards_) {
    shard->tell_changes([this] { followers_->wake(); });
    shard->ask_wants([this](std::string_view stream, std::string_view subject) {
      return followers_->wants(stream, subject);
    });
  }
  catalogue_->on_change = [this](const std::string& name, std::string_view action) {
    advise(stream_advisory(settings_, clock_.wall_ns(), name, action));
  };
  api_ = std::make_unique<Api>(settings_, *catalogue_, commits_, clock_);
  worker_ = std::make_unique<Worker>(static_cast<size_t>(settings_.request_queue_limit),
                                     [this](const ApiRequest& request) { execute(request); });
  constexpr uint64_t kTidyBytesPerSecond = 64u << 20;
  constexpr int64_t kScrubPeriodNs = int64_t{24} * 3600 * 1'000'000'000;
  store_thread_ = std::make_unique<store::StoreThread>(*file_, kTidyBytesPerSecond, kScrubPeriodNs);
  return {};
}

void Manager::start_clock() {
  int64_t newest_ns = 0;
  for (const auto& [id, name] : file_->streams())
    if (const auto state = file_->state(id))
      newest_ns = std::max(newest_ns, state.value().last_ts_ns);
  if (clock_.start_behind(newest_ns))
    settings_.log(Settings::Say::warning,
                  "The system's clock is behind the newest message: JetStream's time goes on from "
                  "there until the next start");
}

Manager::~Manager() {
  begin_stop();
  store_thread_.reset();
}

void Manager::listen(Host& host) {
  inlets_.push_back(std::make_unique<Inlet>(*this, host, std::string(Api::kPrefix)));
  if (!settings_.domain.empty())
    inlets_.push_back(std::make_unique<Inlet>(*this, host, "$JS." + settings_.domain + ".API."));
  for (const auto& inlet : inlets_) inlet->listen();
}

void Manager::started() {
  homes_.running();
  worker_->start();
  reader_.start();
  followers_->start();
}

void Manager::begin_stop() {
  commits_.stop();
  homes_.stop();
  if (worker_) worker_->stop();
  reader_.stop();
  if (followers_) followers_->stop();
}

void Manager::execute(const ApiRequest& request) {
  std::string response = api_->execute(request);
  Shard& first = homes_.shard(0);
  homes_.post(0, [this, &first, request, response = std::move(response)] {
    Host* const host = first.host();
    if (host == nullptr) return;
    if (!request.reply.empty()) host->publish({request.reply, {}, {}, response});
    if (!Api::is_audited(request, response) || !host->has_interest(kApiAuditSubject)) return;
    const std::string audit =
        api_audit(settings_, clock_.wall_ns(), request.subject, request.body, response);
    host->publish({kApiAuditSubject, {}, {}, audit});
  });
}

// [any thread]
void Manager::advise(Advisory advisory) {
  Shard& first = homes_.shard(0);
  homes_.post(0, [&first, advisory = std::move(advisory)] {
    if (first.host() != nullptr && first.host()->has_interest(advisory.subject))
      first.host()->publish({advisory.subject, {}, {}, advisory.json});
  });
}

// Its turn looks for what there is to answer.
void Manager::wake(size_t home) {
  homes_.post(home, [] {});
}

void Manager::written(store::Ticket through) {
  commits_.written(through);
  if (followers_->progress().written(through)) followers_->wake();
  for (size_t i = 0; i < shards_.size(); ++i)
    if (shards_[i]->progress().written(through)) wake(i);
}

void Manager::durable(store::Ticket through) {
  commits_.durable(through);
  if (followers_->progress().durable(through)) followers_->wake();
  for (size_t i = 0; i < shards_.size(); ++i)
    if (shards_[i]->progress().durable(through)) wake(i);
}

void Manager::failed(store::Ticket from, store::Ticket through, const Error& error) {
  commits_.failed({from, through, error});
  followers_->progress().failed({from, through, error});
  followers_->wake();
  for (size_t i = 0; i < shards_.size(); ++i) {
    shards_[i]->progress().failed({from, through, error});
    wake(i);
  }
  if (error.sys_errno == ENOSPC) {
    // Not for each of those who try again meanwhile.
    constexpr int64_t kTellEveryNs = 10'000'000'000;
    const int64_t now = clock_.monotonic_ns();
    if (now - told_full_ns_ > kTellEveryNs) advise(out_of_storage(settings_, clock_.wall_ns()));
    told_full_ns_ = now;
  }
  settings_.log(Settings::Say::error, "JetStream store: " + error.text);
}

void Manager::lost(store::StreamId, store::SequenceRange range) {
  settings_.log(Settings::Say::error, "JetStream store: damage took messages " +
                                          std::to_string(range.first) + " to " +
                                          std::to_string(range.last) + " of a stream");
}

}  // namespace pipit::js
