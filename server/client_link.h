// ClientLink: what a Client (on the program's threads) and its InprocClient (on a reactor) share.
// It outlives both, so a call after the server's end finds a link that is closed.
//
// On the reactor's thread a call goes straight to the InprocClient. From elsewhere it becomes a
// command in a ring that the reactor empties: one producer, the thread that uses the Client.
// Unsubscribing may come from any thread and goes by a locked list. rung_ says that the reactor
// knows of something to do here, so many commands cost one ring of the doorbell.
//
// I1  rung_ is only exchanged (acq_rel). Who finds it false rings; the reactor makes it false
// before
//     it looks at the ring. Whichever exchange comes first, its partner sees what was published.
// I2  Callbacks against closing: the reactor says whose callback runs (seq_cst), then looks whether
//     it is closed (seq_cst); who closes says so (seq_cst), then looks whose callback runs
//     (seq_cst). So either the callback does not start, or it is waited for.
// I3  Who waits for room counts itself in waiters_, then looks at the ring; the reactor makes room,
//     then looks at waiters_. Both change it (acq_rel): who comes second sees what the first did.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pipit/client.h"
#include "protocol/errors.h"
#include "server/doorbell.h"
#include "server/outgoing.h"
#include "transport/spsc_ring.h"

namespace pipit {

class InprocClient;

// What a client is checked against, on whatever thread it calls.
struct ClientLimits {
  size_t max_pending;
  int64_t max_payload;
  uint32_t max_control_line;
  int64_t max_subscriptions;
  uint32_t max_sub_tokens;
  bool headers;
};

// One subscription, as its Subscription and its reactor see it.
struct SubscriptionState {
  SubscriptionState(std::shared_ptr<ClientLink> of, std::string_view to, std::string_view as,
                    Client::OnMessage call)
      : link(std::move(of)), subject(to), queue(as), on_message(std::move(call)) {}

  const std::shared_ptr<ClientLink> link;
  const std::string subject, queue;
  const Client::OnMessage on_message;
  std::atomic<bool> closed{false};    // I2
  std::atomic<uint64_t> max{0};       // close_after()

  // The reactor's:
  std::shared_ptr<SubscriptionState> self;  // while it needs this
  uint32_t slot = 0, generation = 0;
  uint32_t waiting = 0;  // entries of the inbox
  bool live = false;     // it has a record in the table
};

// A request under way.
struct RequestOrder {
  uint64_t number = 0;
  std::chrono::milliseconds timeout{};
  Client::OnReply on_reply;
};

struct Command {
  // Of what is no plain publish.
  struct Other {
    std::shared_ptr<SubscriptionState> subscribe;
    std::optional<RequestOrder> request;
    std::shared_ptr<bool> fence;  // set under the link's mutex
  };
  proto::Message message;   // of a publish or request
  net::SlabRef slab;        // set: `message` lies there; else where the last texts did
  bool texts = false;       // `slab` is where texts lie from now on
  uint64_t size = 0;        // of memory held
  std::unique_ptr<Other> other;
};

class ClientLink : public std::enable_shared_from_this<ClientLink> {
 public:
  struct Identity {
    uint64_t cid;
    std::string inbox;  // "_INBOX.<random>."
    ClientOptions options;
  };
  ClientLink(std::shared_ptr<Doorbell> doorbell, ClientLimits limits, Identity identity);
  ~ClientLink();

  // The calls of Client; `where` names the one in errors.
  Result<void> publish(const Outgoing& out, const char* where);
  Result<std::shared_ptr<SubscriptionState>> subscribe(std::string_view subject,
                                                       std::string_view queue,
                                                       Client::OnMessage on_message);
  // `out.reply` is the link's to choose.
  Result<void> request(Outgoing out, std::chrono::milliseconds timeout, Client::OnReply on_reply,
                       const char* where);
  Result<Message> request_and_wait(const Outgoing& out, std::chrono::milliseconds timeout,
                                   const char* where);
  Result<void> flush(std::chrono::milliseconds timeout);
  void close();
  // [any thread] Of Subscription.
  void close_subscription(const std::shared_ptr<SubscriptionState>& state);
  void close_after(const std::shared_ptr<SubscriptionState>& state, uint64_t max);

  bool closed() const { return closed_.load(std::memory_order_seq_cst); }
  const Identity& identity() const { return identity_; }
  const ClientLimits& limits() const { return limits_; }
  // Rings for the first time: the reactor makes an InprocClient, which is `client` from then on.
  void open() { call_home(); }

  // [reactor]
  InprocClient* client = nullptr;
  bool opened = false;  // it had one
  // Something may be there to do; asked before it is looked for.
  void answer() { rung_.exchange(false, std::memory_order_acq_rel); }
  // The next command of the ring, valid until taken(); null: none.
  Command* next_command();
  const net::SlabRef& slab_of(const Command& command) const {
    return command.slab ? command.slab : texts_;
  }
  void taken();
  // After some were taken: who waits for room in the ring looks again.
  void made_room();
  // What was asked by close_subscription() and close_after() since.
  std::vector<std::shared_ptr<SubscriptionState>> take_changes();
  bool close_asked() const { return close_asked_.load(std::memory_order_acquire); }
  // The client is gone: every call answers Errc::closed, `why` says why.
  void end(proto::CloseReason why);
  // Whose callback runs; null: none of this client.
  void set_running(const void* who);
  void finish_fence(bool& fence);
  void count_subscriptions(int64_t more) {
    subscriptions_.fetch_add(more, std::memory_order_relaxed);
  }

 private:
  class Call;

  Error closed_error(const char* where) const;
  Result<void> check_publish(const Outgoing& out, const char* where) const;
  bool here() const { return doorbell_->here(); }
  void call_home();
  bool full(size_t more);
  void send(Command&& command);
  Result<void> send_message(const Outgoing& out, std::unique_ptr<Command::Other> other,
                            const char* where);
  void wait_for_callback(const void* who);
  void change(const std::shared_ptr<SubscriptionState>& state);

  const std::shared_ptr<Doorbell> doorbell_;
  const ClientLimits limits_;
  const Identity identity_;
  std::atomic<bool> closed_{false}, close_asked_{false}, rung_{false};
  std::atomic<proto::CloseReason> why_closed_{proto::CloseReason::client_closed};
  std::atomic<int64_t> subscriptions_{0};
  std::atomic<uint64_t> next_request_{1};

  std::atomic<net::SpscRing<Command>*> ring_{nullptr};  // made when first needed
  std::atomic<std::thread::id> caller_{};  // of debug builds: the thread that is in a call
  // The calling thread's.
  ComposeArea area_;
  const std::byte* shown_ = nullptr;  // the area's slab that the reactor knows
  uint64_t sent_bytes_ = 0;

  // The reactor's.
  net::SlabRef texts_;
  uint64_t done_bytes_ = 0;
  std::atomic<uint64_t> taken_bytes_{0};  // of done_bytes_, for the calling thread

  std::atomic<const void*> running_{nullptr};  // I2
  std::atomic<uint32_t> waiters_{0};
  std::mutex mutex_;  // of changes_, and with changed_ of what is waited for
  std::condition_variable changed_;
  std::vector<std::shared_ptr<SubscriptionState>> changes_;
};

}  // namespace pipit
