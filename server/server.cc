// Server::Impl: owns the broker, the reactors and the listeners; the start and stop order.
#include "pipit/server.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <vector>

#include "pipit_config.h"
#include "server/broker.h"
#include "server/config.h"
#include "server/drive.h"
#include "server/handover.h"
#include "server/jetstream_setup.h"
#include "server/left_out.h"
#include "server/monitor_http.h"
#include "server/reactor_loop.h"
#include "transport/tcp_listener.h"

namespace pipit {

class Server::Impl {
 public:
  explicit Impl(Options options) : broker_(std::move(options)) {}
  ~Impl();

  Result<void> bind();
  Result<void> start();
  void lame_duck(std::function<void()> done);
  void begin_stop(std::function<void()> done);
  Result<void> adopt(int fd, std::span<const std::byte> read_already, Wire wire);
  Result<std::shared_ptr<ClientLink>> connect(const ClientOptions& options);

  Result<void> reload_certificates();
  Result<void> reload(Options options);

  Drive& drive() { return *drive_; }
  const net::TcpListener& clients() const { return clients_; }
  const net::TcpListener& websockets() const { return websockets_; }
  const Broker& broker() const { return broker_; }
  int monitor_port() const { return monitor_.port(); }

 private:
  enum class State : uint8_t { bound, running, stopping, stopped };

  void accept_on(net::TcpListener& listener, Wire wire);
  ReactorLoop& least_loaded();
  void place(Arrival&& arrival);
  void close_listeners(bool monitor);
  void stop_reactors();
  void reactor_gone();
  void last_gone();

  Broker broker_;
  ReactorLoops loops_;
  net::TcpListener clients_, websockets_;
  MonitorHttp monitor_{broker_};
  std::unique_ptr<Drive> drive_;
  std::atomic<size_t> next_{0};  // where equal loads go
  std::atomic<size_t> reactors_left_{0};
  std::mutex reload_mutex_;  // one at a time
  std::mutex mutex_;         // of what follows
  State state_ = State::bound;
  std::vector<std::function<void()>> stop_done_;
  std::function<void()> lame_duck_done_;
  JetStream jetstream_;  // the first to go: it has the reactors do things
};

Result<void> Server::Impl::bind() {
  const Options& options = broker_.options;
  PIPIT_TRY(broker_.tls.load(options));
  if (!options.dont_listen) PIPIT_TRY(clients_.bind(options.host, options.port));
  if (options.websocket.enabled())
    PIPIT_TRY(websockets_.bind(options.websocket.host, options.websocket.port));
  if (const int port = options.monitor_port(); port != 0)
    PIPIT_TRY(monitor_.bind(options.http_host, port));
  broker_.build_infos(clients_.port(), websockets_.port());
  const uint32_t reactors = std::max(options.reactors, 1U);
  std::vector<Mailbox*> mailboxes;
  for (uint32_t i = 0; i < reactors; ++i) {
    loops_.push_back(
        std::make_unique<ReactorLoop>(broker_, static_cast<uint16_t>(i), reactors, options.loop));
    if (const int status = loops_.back()->loop().status(); status != 0)
      return Error{Errc::io, -status, "uv_loop_init", "cannot make an event loop"};
    broker_.reactors.push_back(&loops_.back()->reactor());
    mailboxes.push_back(&loops_.back()->reactor().mailbox());
  }
  for (Mailbox* mailbox : mailboxes) mailbox->connect(mailboxes);
  reactors_left_ = reactors;
  if (options.jetstream.enabled) {
    auto opened = open_jetstream(broker_);
    if (!opened.ok()) return opened.take_error();
    jetstream_ = std::move(opened).value();
    broker_.jetstream = jetstream_.get();
  }
  broker_.on_last_gone = [this] {
    if (broker_.lame_duck.load(std::memory_order_acquire)) last_gone();
  };
  drive_ = Drive::make(options, loops_);
  return {};
}

Server::Impl::~Impl() {
  if (drive_ == nullptr) return;  // bind() failed
  begin_stop(nullptr);
  drive_->wait();
  // Nobody turns what has not ended by now.
  std::vector<std::function<void()>> done;
  {
    const std::lock_guard lock(mutex_);
    if (state_ == State::stopped) return;
    done.swap(stop_done_);
  }
  close_listeners(true);
  broker_.auth_worker.stop();
  broker_.tls.stop();
  if (jetstream_ != nullptr) begin_stop_jetstream(*jetstream_);
  for (auto& loop : loops_) {
    loop->abandon();
    loop->loop().close([done] {
      for (const auto& call : done) call();
    });
  }
}

Result<void> Server::Impl::start() {
  PIPIT_TRY(drive_->may_start());
  std::unique_lock lock(mutex_);
  if (state_ == State::running)
    return Error{Errc::invalid_argument, 0, "Server::start", "the server was started before"};
  if (state_ != State::bound)
    return Error{Errc::closed, 0, "Server::start", "the server was stopped"};
  state_ = State::running;
  accept_on(clients_, Wire::tcp);
  accept_on(websockets_, Wire::websocket);
  if (broker_.options.monitor_port() != 0) monitor_.start(loops_[0]->loop());
  auto started = drive_->start();
  lock.unlock();
  if (started.ok() && jetstream_ != nullptr) start_jetstream(*jetstream_);
  if (!started.ok()) {
    begin_stop(nullptr);
    drive_->wait();
  }
  return started;
}

void Server::Impl::accept_on(net::TcpListener& listener, Wire wire) {
  if (listener.port() == 0) return;
  const auto accept = [this, wire](int fd, net::PeerAddress peer) {
    place({fd, std::move(peer), wire, {}});
  };
  const std::string at = "accept tcp " + listener.host() + ":" + std::to_string(listener.port());
  listener.start(loops_[0]->loop(), accept, [this, wire, at](int sys_errno) {
    const std::string what = at + ": accept4: " + std::strerror(sys_errno);
    broker_.log.line(LogLevel::error, wire == Wire::tcp
                                          ? "Temporary Client Accept Error(" + what + "), closing"
                                          : "websocket: Accept error: " + what + "; closing");
  });
}

// [any thread] Among equals they take turns.
ReactorLoop& Server::Impl::least_loaded() {
  const size_t first = next_.load(std::memory_order_relaxed) % loops_.size();
  size_t best = first;
  for (size_t i = 1; i < loops_.size(); ++i) {
    const size_t candidate = (first + i) % loops_.size();
    if (loops_[candidate]->load() < loops_[best]->load()) best = candidate;
  }
  next_.store(best + 1, std::memory_order_relaxed);
  return *loops_[best];
}

// On reactor 0.
void Server::Impl::place(Arrival&& arrival) {
  const int fd = arrival.fd;
  if (!least_loaded().adopt(std::move(arrival))) ::close(fd);
}

// What a reactor's own thread asks for lives there, so that its calls act at once.
Result<std::shared_ptr<ClientLink>> Server::Impl::connect(const ClientOptions& options) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::bound && state_ != State::running)
    return Error{Errc::closed, 0, "Server::connect", "the server was stopped"};
  if (broker_.lame_duck.load(std::memory_order_relaxed))
    return Error{Errc::closed, 0, "Server::connect", "the server is in lame duck mode"};
  for (auto& loop : loops_)
    if (loop->here()) return loop->connect(options);
  return least_loaded().connect(options);
}

Result<void> Server::Impl::adopt(int fd, std::span<const std::byte> read_already, Wire wire) {
  if (wire == Wire::websocket && !PIPIT_WEBSOCKET)
    return Error{Errc::not_built, 0, "Server::adopt", "websocket is left out of this build"};
  const Error closed{Errc::closed, 0, "Server::adopt", "the server does not run"};
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::running) return closed;
  }
  const int flags = fcntl(fd, F_GETFL), close_on_exec = fcntl(fd, F_GETFD);
  auto peer = take_socket(fd);
  if (!peer.ok()) return peer.take_error();
  Arrival arrival{fd,
                  std::move(peer).value(),
                  wire,
                  {reinterpret_cast<const char*>(read_already.data()), read_already.size()}};
  const bool posted = loops_[0]->reactor().mailbox().post(
      [this, arrival = std::move(arrival)]() mutable { place(std::move(arrival)); });
  if (posted) return {};
  fcntl(fd, F_SETFL, flags);
  fcntl(fd, F_SETFD, close_on_exec);
  return closed;
}

Result<void> Server::Impl::reload_certificates() {
  const std::lock_guard lock(reload_mutex_);
  return broker_.tls.load(broker_.settings()->options);
}

Result<void> Server::Impl::reload(Options options) {
  constexpr const char* kWhere = "Server::reload";
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::bound && state_ != State::running)
      return Error{Errc::closed, 0, kWhere, "the server was stopped"};
  }
  ConfigFaults faults;
  validate(options, faults);
  PIPIT_TRY(faults.result(kWhere));
  if (const std::string fields = unreloadable(broker_.options, options); !fields.empty())
    return Error{Errc::invalid_argument, 0, kWhere, "a running server cannot change " + fields};
  const std::lock_guard lock(reload_mutex_);
  PIPIT_TRY(broker_.tls.load(options));
  broker_.change_settings(std::move(options));
  for (auto& loop : loops_) {
    Reactor& reactor = loop->reactor();
    reactor.mailbox().post([&reactor] { reactor.take_settings(); });
  }
  return {};
}

void Server::Impl::close_listeners(bool monitor) {
  clients_.close();
  websockets_.close();
  if (monitor) monitor_.close();
}

void Server::Impl::last_gone() {
  std::function<void()> done;
  {
    const std::lock_guard lock(mutex_);
    done.swap(lame_duck_done_);
  }
  if (done) done();
}

void Server::Impl::lame_duck(std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::running || broker_.lame_duck.load(std::memory_order_relaxed)) return;
    lame_duck_done_ = std::move(done);
    broker_.lame_duck.store(true, std::memory_order_release);
  }
  loops_[0]->reactor().mailbox().post([this] {
    close_listeners(false);
    for (auto& loop : loops_) {
      Reactor& reactor = loop->reactor();
      reactor.mailbox().post([&reactor] {
        const Options& options = reactor.settings().options;
        reactor.lame_duck(options.lame_duck_grace_period_ns, options.lame_duck_duration_ns);
      });
    }
    if (broker_.connections.load(std::memory_order_relaxed) == 0) last_gone();
  });
}

void Server::Impl::begin_stop(std::function<void()> done) {
  {
    const std::lock_guard lock(mutex_);
    const bool first = state_ < State::stopping;
    if (first) state_ = State::stopping;
    if (state_ == State::stopping) {
      if (done) stop_done_.push_back(std::move(done));
      if (first) loops_[0]->reactor().mailbox().post([this] { stop_reactors(); });
      return;
    }
  }
  if (done) done();
}

// On reactor 0. Listeners first, so that nobody new comes; then slow checks, whose answers go to
// reactors; then the reactors, each when its last connection is flushed and gone.
void Server::Impl::stop_reactors() {
  close_listeners(true);
  broker_.auth_worker.stop();
  broker_.tls.stop();
  if (jetstream_ != nullptr) begin_stop_jetstream(*jetstream_);
  for (auto& loop : loops_) {
    loop->stop([this, &loop = *loop] { drive_->end(loop, [this] { reactor_gone(); }); });
  }
}

// On the reactor, or by its host's loop behind the last close callback. `this` may be gone once the
// last of `done` was called.
void Server::Impl::reactor_gone() {
  if (--reactors_left_ > 0) return;
  std::vector<std::function<void()>> done;
  {
    const std::lock_guard lock(mutex_);
    state_ = State::stopped;
    done.swap(stop_done_);
  }
  for (const auto& call : done) call();
}

Result<std::unique_ptr<Server>> Server::create(Options options) noexcept {
  ConfigFaults faults;
  validate(options, faults);
  if (auto faulty = faults.result("Server::create"); !faulty.ok()) {
    Error error = faulty.take_error();
    if (!left_out(options).empty()) error.code = Errc::not_built;
    return error;
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  PIPIT_TRY(impl->bind());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<void> Server::start() noexcept { return impl_->start(); }
void Server::lame_duck(std::function<void()> done) noexcept { impl_->lame_duck(std::move(done)); }
void Server::stop() noexcept {
  impl_->begin_stop(nullptr);
  impl_->drive().wait();
}
void Server::stop(std::function<void()> done) noexcept { impl_->begin_stop(std::move(done)); }
Result<void> Server::reload_certificates() noexcept { return impl_->reload_certificates(); }
Result<void> Server::reload(Options options) noexcept { return impl_->reload(std::move(options)); }
Result<void> Server::adopt(int fd, std::span<const std::byte> read_already,
                           Handover kind) noexcept {
  return impl_->adopt(fd, read_already, kind == Handover::nats ? Wire::tcp : Wire::websocket);
}
Result<std::unique_ptr<Client>> Server::connect(const ClientOptions& options) noexcept {
  auto link = impl_->connect(options);
  if (!link.ok()) return link.take_error();
  return std::unique_ptr<Client>(new Client(std::move(link).value()));
}
int Server::fd() const noexcept { return impl_->drive().fd(); }
std::chrono::milliseconds Server::timeout() const noexcept { return impl_->drive().timeout(); }
Result<void> Server::poll() noexcept { return impl_->drive().poll(); }
int Server::client_port() const noexcept { return impl_->clients().port(); }
int Server::websocket_port() const noexcept { return impl_->websockets().port(); }
int Server::monitor_port() const noexcept { return impl_->monitor_port(); }
const std::string& Server::id() const noexcept { return impl_->broker().server_id; }

}  // namespace pipit
