// Reactor: one thread's share of the broker: its endpoints, timers, mailbox, match cache, dirty
// list and counters. It knows no loop and no clock: ReactorLoop (or a test) calls turn().
//
// A turn: posted tasks, mail from other reactors, due timers, what in-process clients ask for and
// their callbacks; then what was staged for others is published, dirty endpoints are flushed, the
// program is told of events, finished endpoints are destroyed. One thread, but mailbox().post() and inproc().doorbell().
#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "protocol/connect_info.h"
#include "server/connection.h"
#include "server/delivery.h"
#include "server/event_queue.h"
#include "server/identity.h"
#include "server/inbound.h"
#include "server/inproc_clients.h"
#include "server/mailbox.h"
#include "server/outbound.h"
#include "server/settings.h"
#include "server/stats.h"
#include "transport/timer_heap.h"

namespace pipit {

class JsHost;
struct Broker;

struct ReactorCounters {
  Traffic traffic;
  uint64_t slow_consumers = 0, stale_connections = 0, stalled_clients = 0;
  uint64_t matches = 0, fanout_sum = 0, fanout_max = 0;

  void count_fanout(uint64_t n) {
    ++matches;
    fanout_sum += n;
    fanout_max = std::max(fanout_max, n);
  }
};

class Reactor {
 public:
  using Clock = int64_t (*)();  // monotonic nanoseconds
  // Of a closed client's subscriptions: a million of them at once would keep everybody waiting.
  static constexpr size_t kDropsPerTurn = 2048;
  // `ring_capacity`: see Mailbox.
  Reactor(Broker& broker, uint16_t index, uint32_t reactors, std::function<void()> wake,
          Clock clock, Random random = Random(), uint32_t ring_capacity = 0);
  ~Reactor();
  Reactor(const Reactor&) = delete;

  // The stream may need the Connection (WebSocket: to say that it is open), so it is made in
  // between. `make` returns null if nothing came of it.
  using MakeStream = std::function<std::unique_ptr<net::ByteStream>(Connection&)>;
  Connection* adopt(Wire wire, const MakeStream& make);

  // Makes the endpoint of `link`.
  void open_client(std::shared_ptr<ClientLink> link);

  // JetStream's end on this reactor. Once, before it runs.
  JsHost& open_js_host();

  void turn();
  // False: there is something to do, do not sleep. True: the reactor counts as asleep until the
  // next call that reaches it.
  bool prepare_sleep();
  // First thing in every call from outside: after a sleep, takes part in the epoch again.
  void awake() {
    if (asleep_) wake_up();
  }
  // The same for a call of the program on this thread, perhaps between two turns: one follows.
  void enter() {
    if (!asleep_) return;
    wake_up();
    mailbox_.wake();
  }
  // prepare_sleep() said yes, and nobody called since.
  bool asleep() const { return asleep_; }
  // When to be called again at the latest.
  int64_t next_deadline_ns() const;

  // Closes every connection; the reactor is idle once connection_count() is 0.
  void close_all(proto::CloseReason reason);
  size_t connection_count() const { return open_; }
  // Lame duck: INFO to all now, after `grace` close them one by one over `duration`.
  void lame_duck(int64_t grace_ns, int64_t duration_ns);
  ReactorSnapshot snapshot(const SnapshotRequest& request) const;

  // For Endpoint and Delivery.
  Endpoint* at(uint32_t slot) { return slot < slots_.size() ? slots_[slot].get() : nullptr; }
  Endpoint* find(const Origin& origin) {
    Endpoint* c = at(origin.slot);
    return c != nullptr && c->cid() == origin.cid && !c->closing() ? c : nullptr;
  }
  void mark_dirty(Endpoint& endpoint) {
    if (endpoint.dirty) return;
    endpoint.dirty = true;
    dirty_.push_back(&endpoint);
  }
  void hold_congested(Endpoint& endpoint);
  void take_mail();
  void remember_closed(const Endpoint& endpoint);
  void bury(Endpoint& endpoint);
  // Unique among the subscriptions of this reactor, 2^32 subscriptions long.
  uint32_t next_generation() { return ++generation_; }

  Broker& broker() { return broker_; }
  uint16_t index() const { return index_; }
  int64_t now_ns() const { return now_ns_; }
  // What holds for this reactor: as reloaded last, or nearly so.
  const Settings& settings() const { return *settings_; }
  void take_settings();
  bool tracing() const { return tracing_; }
  Mailbox& mailbox() { return mailbox_; }
  Delivery& delivery() { return delivery_; }
  EventQueue& events() { return events_; }
  InprocClients& inproc() { return inproc_; }
  const InprocClients& inproc() const { return inproc_; }
  net::TimerHeap& timers() { return timers_; }
  ChunkPool& chunks() { return chunks_; }
  ReadArea& read_area() { return read_area_; }
  Random& random() { return random_; }
  ReactorCounters& counters() { return counters_; }
  proto::ConnectParser& connect_parser();

 private:
  void wake_up();
  uint32_t take_slot();
  void flush_dirty();
  void clear_graveyard();
  void resume_congested();
  void on_lame_duck_timer();

  Broker& broker_;
  std::shared_ptr<const Settings> settings_;
  const uint16_t index_;
  bool tracing_;
  const Clock clock_;
  int64_t now_ns_;
  uint32_t generation_ = 0;
  bool asleep_ = true;  // and so not in the epoch, until the first turn
  net::SlabPool slabs_;
  ReadArea read_area_{slabs_};
  ChunkPool chunks_;
  net::TimerHeap timers_;
  Random random_;
  Mailbox mailbox_;
  ReactorCounters counters_;
  Delivery delivery_;
  InprocClients inproc_;
  EventQueue events_;
  std::unique_ptr<proto::ConnectParser> connect_parser_;
  std::vector<std::unique_ptr<Endpoint>> slots_;
  std::vector<uint32_t> free_slots_;
  JsHost* js_host_ = nullptr;  // in one of the slots
  std::vector<Endpoint*> dirty_, flushing_;
  std::vector<Origin> congested_;
  std::vector<uint32_t> graveyard_;
  std::deque<ConnectionSnapshot> closed_;  // the latest: max_closed_clients, kClosedBytes
  size_t closed_bytes_ = 0;
  size_t open_ = 0;
  MemberTimer<Reactor> lame_duck_timer_;
  int64_t lame_duck_step_ns_ = 0;
  size_t lame_duck_batch_ = 1;
};

}  // namespace pipit
