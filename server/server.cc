// Server::Impl: owns the broker, the reactors and the listeners; the start and stop order.
#include "pipit/server.h"

#include <atomic>
#include <mutex>
#include <vector>

#include "server/broker.h"
#include "server/config.h"
#include "server/monitor_http.h"
#include "server/reactor_thread.h"
#include "transport/tcp_listener.h"

namespace pipit {

class Server::Impl {
 public:
  explicit Impl(Options options) : broker_(std::move(options)) {}
  ~Impl() { stop(); }

  Result<void> bind();
  void start();
  void lame_duck(std::function<void()> done);
  void stop();

  const net::TcpListener& clients() const { return clients_; }
  const net::TcpListener& websockets() const { return websockets_; }
  const Broker& broker() const { return broker_; }
  int monitor_port() const { return monitor_.port(); }

 private:
  void place(int fd, net::PeerAddress peer, Wire wire);
  void close_listeners(bool monitor);
  void last_gone();

  Broker broker_;
  std::vector<std::unique_ptr<ReactorThread>> threads_;
  net::TcpListener clients_, websockets_;
  MonitorHttp monitor_{broker_};
  size_t next_ = 0;  // acceptor's: where equal loads go
  bool started_ = false, stopped_ = false;
  std::mutex done_mutex_;
  std::function<void()> lame_duck_done_;
};

Result<void> Server::Impl::bind() {
  const Options& options = broker_.options;
  PIPIT_TRY(clients_.bind(options.host, options.port));
  if (options.websocket.enabled())
    PIPIT_TRY(websockets_.bind(options.websocket.host, options.websocket.port));
  if (options.http_port != 0) PIPIT_TRY(monitor_.bind(options.http_host, options.http_port));
  broker_.build_infos(clients_.port(), websockets_.port());
  std::vector<Mailbox*> mailboxes;
  for (uint32_t i = 0; i < options.reactors; ++i) {
    threads_.push_back(
        std::make_unique<ReactorThread>(broker_, static_cast<uint16_t>(i), options.reactors));
    if (const int status = threads_.back()->loop().status(); status != 0)
      return Error{Errc::io, -status, "uv_loop_init", "cannot make an event loop"};
    broker_.reactors.push_back(&threads_.back()->reactor());
    mailboxes.push_back(&threads_.back()->reactor().mailbox());
  }
  for (Mailbox* mailbox : mailboxes) mailbox->connect(mailboxes);
  broker_.on_last_gone = [this] {
    if (broker_.lame_duck.load(std::memory_order_acquire)) last_gone();
  };
  return {};
}

void Server::Impl::start() {
  started_ = true;
  net::Loop& loop = threads_[0]->loop();
  clients_.start(loop, [this](int fd, net::PeerAddress peer) {
    place(fd, std::move(peer), Wire::tcp);
  });
  if (broker_.options.websocket.enabled())
    websockets_.start(loop, [this](int fd, net::PeerAddress peer) {
      place(fd, std::move(peer), Wire::websocket);
    });
  if (broker_.options.http_port != 0) monitor_.start(loop);
  for (auto& thread : threads_) thread->start();
}

// On reactor 0. The least loaded reactor gets the connection; among equals they take turns.
void Server::Impl::place(int fd, net::PeerAddress peer, Wire wire) {
  size_t best = next_ % threads_.size();
  for (size_t i = 0; i < threads_.size(); ++i) {
    const size_t candidate = (next_ + i) % threads_.size();
    if (threads_[candidate]->load() < threads_[best]->load()) best = candidate;
  }
  next_ = best + 1;
  threads_[best]->adopt(fd, std::move(peer), wire);
}

void Server::Impl::close_listeners(bool monitor) {
  clients_.close();
  websockets_.close();
  if (monitor) monitor_.close();
}

void Server::Impl::last_gone() {
  std::function<void()> done;
  {
    const std::lock_guard lock(done_mutex_);
    done.swap(lame_duck_done_);
  }
  if (done) done();
}

void Server::Impl::lame_duck(std::function<void()> done) {
  {
    const std::lock_guard lock(done_mutex_);
    if (broker_.lame_duck.load(std::memory_order_relaxed)) return;
    lame_duck_done_ = std::move(done);
    broker_.lame_duck.store(true, std::memory_order_release);
  }
  threads_[0]->reactor().mailbox().post([this] {
    close_listeners(false);
    for (auto& thread : threads_) {
      Reactor& reactor = thread->reactor();
      reactor.mailbox().post([&reactor] {
        const Options& options = reactor.broker().options;
        reactor.lame_duck(options.lame_duck_grace_period_ns, options.lame_duck_duration_ns);
      });
    }
    if (broker_.connections.load(std::memory_order_relaxed) == 0) last_gone();
  });
}

// Listeners first, so that nobody new comes; then slow checks, whose answers go to reactors; then
// the reactors, each when its last connection is flushed and gone.
void Server::Impl::stop() {
  if (!started_ || stopped_) return;
  stopped_ = true;
  std::mutex mutex;
  std::condition_variable closed;
  bool listeners_closed = false;
  threads_[0]->reactor().mailbox().post([&] {
    close_listeners(true);
    const std::lock_guard lock(mutex);
    listeners_closed = true;
    closed.notify_one();
  });
  {
    std::unique_lock lock(mutex);
    closed.wait(lock, [&] { return listeners_closed; });
  }
  broker_.auth_worker.stop();
  for (auto& thread : threads_) thread->stop();
  for (auto& thread : threads_) thread->join();
}

Result<std::unique_ptr<Server>> Server::create(Options options) {
  ConfigFaults faults;
  validate(options, faults);
  if (!faults.errors.empty()) {
    std::string text;
    for (const std::string& fault : faults.errors) text += (text.empty() ? "" : "\n") + fault;
    return Error{Errc::invalid_config, 0, "Server::create", std::move(text)};
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  PIPIT_TRY(impl->bind());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<void> Server::start() {
  impl_->start();
  return {};
}
void Server::lame_duck(std::function<void()> done) { impl_->lame_duck(std::move(done)); }
void Server::stop() { impl_->stop(); }
int Server::client_port() const { return impl_->clients().port(); }
int Server::websocket_port() const { return impl_->websockets().port(); }
int Server::monitor_port() const { return impl_->monitor_port(); }
const std::string& Server::id() const { return impl_->broker().server_id; }

}  // namespace pipit
