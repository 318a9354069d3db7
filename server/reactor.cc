#include "server/reactor.h"

#include "server/broker.h"
#include "server/js_host.h"

namespace pipit {
namespace {

// What may be remembered of closed connections: the names and subjects in it are the clients' to
// choose.
constexpr size_t kClosedBytes = 16 * 1024 * 1024;

}  // namespace

Reactor::Reactor(Broker& broker, uint16_t index, uint32_t reactors, std::function<void()> wake,
                 Clock clock, Random random, uint32_t ring_capacity)
    : broker_(broker),
      settings_(broker.settings()),
      index_(index),
      tracing_(broker.log.trace()),
      clock_(clock),
      now_ns_(clock()),
      random_(random),
      mailbox_(index, reactors, std::move(wake), ring_capacity),
      delivery_(*this),
      inproc_(*this, [this] { mailbox_.wake(); }),
      events_(broker.options.on_event),
      lame_duck_timer_(*this, &Reactor::on_lame_duck_timer) {}

Reactor::~Reactor() { timers_.cancel(lame_duck_timer_); }

void Reactor::take_settings() {
  settings_ = broker_.settings();
  tracing_ = broker_.log.trace();
}

uint32_t Reactor::take_slot() {
  if (free_slots_.empty()) {
    slots_.emplace_back();
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  return slot;
}

Connection* Reactor::adopt(Wire wire, const MakeStream& make) {
  awake();
  const uint32_t slot = take_slot();
  const uint64_t cid = broker_.next_cid.fetch_add(1, std::memory_order_relaxed);
  auto connection = std::make_unique<Connection>(*this, slot, cid, wire);
  std::unique_ptr<net::ByteStream> stream = make(*connection);
  if (stream == nullptr) {
    free_slots_.push_back(slot);
    return nullptr;
  }
  broker_.total_connections.fetch_add(1, std::memory_order_relaxed);
  Connection* opened = connection.get();
  slots_[slot] = std::move(connection);
  ++open_;
  opened->open(std::move(stream));
  return opened;
}

void Reactor::open_client(std::shared_ptr<ClientLink> link) {
  const uint32_t slot = take_slot();
  slots_[slot] = std::make_unique<InprocClient>(*this, slot, std::move(link));
  ++open_;
}

JsHost& Reactor::open_js_host() {
  const uint32_t slot = take_slot();
  const uint64_t cid = broker_.next_cid.fetch_add(1, std::memory_order_relaxed);
  auto host = std::make_unique<JsHost>(*this, slot, cid);
  js_host_ = host.get();
  slots_[slot] = std::move(host);
  ++open_;
  return *js_host_;
}

void Reactor::turn() {
  awake();
  now_ns_ = clock_();
  mailbox_.run_posted();
  take_mail();
  timers_.run(now_ns_);
  inproc_.turn();
  if (js_host_ != nullptr) js_host_->turn();
  // Publishing before flushing: a PONG must not leave while what came before it is still staged.
  mailbox_.publish();
  if (!congested_.empty() && !mailbox_.congested()) resume_congested();
  flush_dirty();
  if (!events_.empty()) events_.tell();
  if (!graveyard_.empty()) clear_graveyard();
  broker_.epoch.quiescent(index_);
}

void Reactor::take_mail() {
  mailbox_.drain([this](MailItem& item) { delivery_.handle(item); });
}

// Who has many subscriptions left stays for another turn.
void Reactor::clear_graveyard() {
  std::vector<uint32_t> waiting;
  size_t left = kDropsPerTurn;
  for (const uint32_t slot : graveyard_) {
    Endpoint& endpoint = *slots_[slot];
    const size_t had = endpoint.subscription_count();
    const bool none = endpoint.drop_subscriptions(left);
    left -= had - endpoint.subscription_count();
    if (none) {
      if (&endpoint == static_cast<Endpoint*>(js_host_)) js_host_ = nullptr;
      slots_[slot].reset();
      free_slots_.push_back(slot);
      --open_;
    } else {
      waiting.push_back(slot);
    }
  }
  graveyard_.swap(waiting);
}

void Reactor::flush_dirty() {
  while (!dirty_.empty()) {
    flushing_.swap(dirty_);
    for (Endpoint* endpoint : flushing_) {
      endpoint->dirty = false;
      endpoint->flush();
    }
    flushing_.clear();
  }
}

void Reactor::hold_congested(Endpoint& endpoint) {
  congested_.push_back({endpoint.cid(), endpoint.slot(), index_});
  endpoint.hold_congested();
}

void Reactor::resume_congested() {
  std::vector<Origin> waiting;
  waiting.swap(congested_);
  for (const Origin& origin : waiting)
    if (Endpoint* endpoint = find(origin)) endpoint->release_congested();
  mailbox_.publish();
}

bool Reactor::prepare_sleep() {
  if (!dirty_.empty() || !graveyard_.empty() || inproc_.busy() || !events_.empty()) return false;
  if (js_host_ != nullptr && js_host_->busy()) return false;
  // There is room again since this turn looked: nobody else will wake us for that.
  if (!congested_.empty() && !mailbox_.congested()) return false;
  if (!mailbox_.prepare_sleep()) return false;
  if (!inproc_.doorbell()->prepare_sleep()) {
    mailbox_.woke();
    return false;
  }
  broker_.epoch.offline(index_);
  asleep_ = true;
  return true;
}

void Reactor::wake_up() {
  asleep_ = false;
  now_ns_ = clock_();
  mailbox_.woke();
  inproc_.doorbell()->woke();
  broker_.epoch.online(index_);
}

int64_t Reactor::next_deadline_ns() const { return timers_.next_deadline_ns(); }

void Reactor::close_all(proto::CloseReason reason) {
  if (reason == proto::CloseReason::server_shutdown) inproc_.shut();
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i] != nullptr) slots_[i]->close(reason);
}

void Reactor::lame_duck(int64_t grace_ns, int64_t duration_ns) {
  for (auto& connection : slots_)
    if (connection != nullptr) connection->send_lame_duck();
  // As nats-server: spread over what is left after the grace period, at most a second apart.
  const int64_t left = duration_ns > grace_ns ? duration_ns - grace_ns : kNsPerSecond;
  const auto count = static_cast<int64_t>(std::max<size_t>(open_, 1));
  lame_duck_step_ns_ = std::clamp<int64_t>(left / count, kNsPerMs, kNsPerSecond);
  lame_duck_batch_ =
      std::max<size_t>(static_cast<size_t>(count * lame_duck_step_ns_ / std::max<int64_t>(left, 1)), 1);
  timers_.arm(lame_duck_timer_, now_ns_ + grace_ns);
}

void Reactor::on_lame_duck_timer() {
  std::vector<Endpoint*> open;
  for (auto& connection : slots_)
    if (connection != nullptr && !connection->closing() && connection->is_client())
      open.push_back(connection.get());
  for (size_t n = 0; n < lame_duck_batch_ && !open.empty(); ++n) {
    const size_t pick = random_.below(open.size());
    open[pick]->close(proto::CloseReason::server_shutdown);
    open[pick] = open.back();
    open.pop_back();
  }
  if (!open.empty()) timers_.arm(lame_duck_timer_, now_ns_ + lame_duck_step_ns_);
}

void Reactor::remember_closed(const Endpoint& endpoint) {
  const size_t max = settings().options.max_closed_clients;
  if (max == 0) return;
  // The list of a connection with very many subscriptions would outweigh everything else here.
  closed_.push_back(endpoint.snapshot(endpoint.subscription_count() <= 256));
  closed_bytes_ += closed_.back().bytes();
  while (closed_.size() > max || closed_bytes_ > kClosedBytes) {
    closed_bytes_ -= closed_.front().bytes();
    closed_.pop_front();
  }
}

void Reactor::bury(Endpoint& endpoint) { graveyard_.push_back(endpoint.slot()); }

proto::ConnectParser& Reactor::connect_parser() {
  if (connect_parser_ == nullptr) connect_parser_ = std::make_unique<proto::ConnectParser>();
  return *connect_parser_;
}

ReactorSnapshot Reactor::snapshot(const SnapshotRequest& request) const {
  ReactorSnapshot s;
  s.traffic = counters_.traffic;
  s.slow_consumers = counters_.slow_consumers;
  s.stale_connections = counters_.stale_connections;
  s.stalled_clients = counters_.stalled_clients;
  s.matches = counters_.matches;
  s.fanout_sum = counters_.fanout_sum;
  s.fanout_max = counters_.fanout_max;
  const router::CacheStats cache = delivery_.cache_stats();
  s.cache_lookups = cache.lookups;
  s.cache_hits = cache.hits;
  s.cache_entries = cache.entries;
  for (const auto& connection : slots_) {
    if (connection == nullptr || connection->closing() || !connection->is_client()) continue;
    ++s.connections;
    if (request.open) s.open.push_back(connection->snapshot(request.subscriptions));
  }
  if (request.closed) s.closed.assign(closed_.begin(), closed_.end());
  return s;
}

}  // namespace pipit
