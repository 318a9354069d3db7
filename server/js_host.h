// JsHost: the Endpoint by which JetStream takes part in one reactor's traffic; implements
// jetstream/host.h. A message for a stream is handed over inside the delivery, from the slab that
// it was read into; what JetStream publishes meanwhile waits for the end of the turn.
//
// It is no client: not counted, not listed, not closed by lame duck, never a slow consumer, and not
// held back for a subscriber who is far behind (that one is closed in the end), only for full
// rings.
#pragma once
#include <deque>
#include <vector>

#include "jetstream/host.h"
#include "server/endpoint.h"
#include "server/outgoing.h"

namespace pipit {

class JsHost final : public Endpoint, public js::Host {
 public:
  JsHost(Reactor& reactor, uint32_t slot, uint64_t cid);
  ~JsHost() override;
  // Before the reactor runs. Not called after the reactor has ended.
  void take_in(js::Guest& guest) { guest_ = &guest; }

  // [Reactor] Late in its turn.
  void turn();
  // Something is left for the next turn.
  bool busy() const { return !waiting_.empty() && !held(); }

  // js::Host
  void publish(const js::HostMessage& message) override;
  bool has_interest(std::string_view subject) override;
  Subscription subscribe(std::string_view subject, std::string_view queue,
                         js::Receiver& receiver) override;
  void unsubscribe(Subscription subscription) override;
  void wake_at(int64_t monotonic_ns) override;

  // Endpoint
  Delivered deliver(const router::SubRef& ref, const proto::Message& message,
                    const net::SlabRef& slab, uint64_t origin_cid) override;
  bool send_no_responders(const router::SubRef&, const proto::Message&) override { return false; }
  void flush() override {}
  void send_lame_duck() override {}

 private:
  struct Waiting {
    proto::Message message;
    net::SlabRef slab;
  };

  // Endpoint
  void on_held() override {}
  void on_released() override {}
  void on_close() override;
  size_t pending_bytes() const override { return 0; }
  const net::PeerAddress& peer() const override;

  void send(const proto::Message& message, const net::SlabRef& slab);
  void drain();
  void on_wake_timer() {}  // the turn that it brings about is what was asked for

  js::Guest* guest_ = nullptr;
  std::vector<js::Receiver*> receivers_;  // by slot of the subscription's record
  std::deque<Waiting> waiting_;
  ComposeArea area_;
  MemberTimer<JsHost> wake_timer_;
  uint64_t next_sid_ = 1;
};

}  // namespace pipit
