// InprocClient: the Endpoint that is a Client of this program. What it is sent collects in its Inbox;
// callbacks run between messages, never inside a delivery, because they may publish, subscribe and
// close. Its link brings what the program asks for on other threads.
#pragma once
#include <deque>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/client_link.h"
#include "server/endpoint.h"
#include "server/inbox.h"

namespace pipit {

class InprocClient final : public Endpoint {
 public:
  InprocClient(Reactor& reactor, uint32_t slot, std::shared_ptr<ClientLink> link);
  ~InprocClient() override;

  // Calls of the Client on this reactor's thread. They were checked.
  Result<void> publish(const Outgoing& out, const char* where);
  void subscribe(const std::shared_ptr<SubscriptionState>& state);
  Result<void> request(const Outgoing& out, RequestOrder order, const char* where);
  Result<void> flush_at_home(const char* where);
  void close_at_home();
  // It was closed, or has another max.
  void change(SubscriptionState& state);
  // Not from inside a delivery (the log callback): an error that says so. A turn follows.
  Result<void> check_call(const char* where);
  bool may_call() const;

  // InprocClients: what came by the link; true: more is waiting.
  bool run_commands();
  // At most `budget` callbacks. Says how many ran.
  size_t run_callbacks(size_t budget);
  bool waiting() const { return !inbox_.empty() || closing_; }
  bool ended() const { return finished_; }
  // InprocClients' mark.
  bool due = false;

  Delivered deliver(const router::SubRef& ref, const proto::Message& message,
                    const net::SlabRef& slab, uint64_t origin_cid) override;
  bool send_no_responders(const router::SubRef& ref, const proto::Message& message) override;
  void flush() override;
  void send_lame_duck() override {}

 private:
  struct Request;

  // Endpoint
  void on_held() override {}
  void on_released() override;
  void on_close() override;
  void on_removed(const SubscriptionRecord& sub) override;
  size_t pending_bytes() const override { return inbox_.bytes(); }
  const net::PeerAddress& peer() const override;

  void run_command(Command& command);
  void send(const proto::Message& message, const net::SlabRef& slab);
  void push(SubscriptionState& state, const proto::Message& message, bool with_headers,
            const net::SlabRef& slab);
  void run_callback(Inbox::Entry& entry) noexcept;
  void drop_inbox();
  void done_with(SubscriptionState& state);
  // False: too many subscriptions for one more, on the replies.
  bool expect_reply(RequestOrder order);
  void on_reply(const MessageView& message);
  void give_up(uint64_t number, Errc code, const char* text);
  void end();

  const std::shared_ptr<ClientLink> link_;
  Inbox inbox_;
  std::vector<SubscriptionState*> states_;  // by slot of their records
  std::deque<std::pair<uint64_t, std::shared_ptr<bool>>> fences_;  // done at that many popped
  std::unordered_map<uint64_t, std::unique_ptr<Request>> requests_;
  const void* running_ = nullptr;  // whose callback; as the link knows it
  bool replies_wanted_ = false;    // the inbox of requests is subscribed to
  uint64_t next_sid_ = 1;
};

}  // namespace pipit
