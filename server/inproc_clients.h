// InprocClients: those of one reactor, as its turn sees them: who rang, and whose callbacks are due.
//
// Callbacks take turns in small batches and are bounded in number each turn, so two clients that
// answer each other for ever neither stop the reactor nor a third. Reactor's thread only.
#pragma once
#include <deque>
#include <memory>

#include "pipit/client.h"
#include "server/doorbell.h"
#include "server/inproc_client.h"
#include "server/outgoing.h"

namespace pipit {

class Reactor;
struct Broker;

class InprocClients {
 public:
  static constexpr size_t kCallbacksPerTurn = 1024, kCallbacksInRow = 64;
  static constexpr uint32_t kCommandsPerTurn = 512;

  InprocClients(Reactor& reactor, std::function<void()> wake);
  ~InprocClients() { shut(); }

  // [any thread]
  const std::shared_ptr<Doorbell>& doorbell() const { return doorbell_; }
  // Commands of who rang, then callbacks.
  void turn();
  // Something is left for the next turn.
  bool busy() const { return !due_.empty(); }
  // What `link` is asked for; its client is made if it has none yet.
  void serve(const std::shared_ptr<ClientLink>& link);
  void make_due(InprocClient& client);
  // Nobody new from now on.
  void shut();

  ComposeArea& area() { return area_; }
  const net::PeerAddress& address() const { return address_; }

 private:
  Reactor& reactor_;
  const std::shared_ptr<Doorbell> doorbell_;
  std::deque<InprocClient*> due_;
  ComposeArea area_;
  const net::PeerAddress address_{"in-process", 0};
};

// [any thread] A client on that reactor, as Server::connect() makes it. Its first call may come
// before the reactor's first turn.
Result<std::shared_ptr<ClientLink>> connect_client(Broker& broker, Reactor& home,
                                                   const ClientOptions& options);

}  // namespace pipit
