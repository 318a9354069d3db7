#include "server/inproc_client.h"

#include <charconv>

#include "protocol/headers.h"
#include "protocol/writer.h"
#include "server/broker.h"
#include "server/inproc_clients.h"
#include "server/reactor.h"

namespace pipit {

// One request that waits for its reply.
struct InprocClient::Request final : net::Timer {
  Request(InprocClient& of, RequestOrder given) : owner(of), order(std::move(given)) {}
  ~Request() override { owner.reactor_.timers().cancel(*this); }
  void on_timer(int64_t) override {
    owner.give_up(order.number, Errc::timeout, "no reply in time");
  }

  InprocClient& owner;
  RequestOrder order;
};

InprocClient::InprocClient(Reactor& reactor, uint32_t slot, std::shared_ptr<ClientLink> link)
    : Endpoint(reactor, slot, link->identity().cid, Wire::inproc), link_(std::move(link)) {
  const ClientOptions& options = link_->identity().options;
  wants_.echo = options.echo;
  wants_.headers = wants_.no_responders = link_->limits().headers;
  details().name = options.name;
  details().lang = "C++";
  details().user = options.user;
  opened_ = counted_ = true;
  link_->client = this;
  if (broker_.log.debug()) say(LogLevel::debug, "Client connection created");
  note(ConnectionEvent::Kind::connected);
  note(ConnectionEvent::Kind::authenticated);
}

InprocClient::~InprocClient() {
  // Of a reactor that is abandoned: it did not get to end().
  if (link_->client == this) {
    drop_subscriptions();
    link_->client = nullptr;
    link_->end(proto::CloseReason::server_shutdown);
  }
  drop_inbox();
}

void InprocClient::drop_inbox() {
  while (!inbox_.empty()) {
    SubscriptionState& state = *inbox_.front().sub;
    inbox_.pop(reactor_.chunks());
    done_with(state);
  }
}

const net::PeerAddress& InprocClient::peer() const { return reactor_.inproc().address(); }

bool InprocClient::may_call() const { return !reactor_.delivery().busy(); }

Result<void> InprocClient::check_call(const char* where) {
  if (!may_call())
    return Error{Errc::invalid_argument, 0, where, "called from the log callback"};
  reactor_.enter();
  return {};
}

Result<void> InprocClient::publish(const Outgoing& out, const char* where) {
  if (auto may = check_call(where); !may.ok()) return may;
  if (link_->next_command() != nullptr) run_commands();  // what was asked elsewhere came first
  if (closing_) return Error{Errc::closed, 0, where, "the client is closed"};
  if (held() || link_->next_command() != nullptr)
    return Error{Errc::slow_consumer, 0, where, "a subscriber is far behind: try again later"};
  allow_stalls();
  ComposeArea& area = reactor_.inproc().area();
  const Composed composed = compose(out, area, false);
  send(composed.message, composed.own ? composed.own : area.slab());
  return {};
}

void InprocClient::send(const proto::Message& message, const net::SlabRef& slab) {
  last_activity_ns_ = reactor_.now_ns();
  count_in(message.header_size + message.body().size(), reactor_.counters().traffic);
  reactor_.delivery().publish(*this, message, slab);
}

void InprocClient::subscribe(const std::shared_ptr<SubscriptionState>& state) {
  const std::string sid = std::to_string(next_sid_++);
  if (state->closed.load(std::memory_order_relaxed) ||
      !Endpoint::subscribe(state->subject, state->queue, sid).empty()) {
    link_->count_subscriptions(-1);
    return;
  }
  const SubscriptionRecord& record = *subscriptions_.find(sid);
  state->slot = record.slot;
  state->generation = record.generation;
  state->live = true;
  state->self = state;
  if (states_.size() <= record.slot) states_.resize(record.slot + 1);
  states_[record.slot] = state.get();
  change(*state);
}

void InprocClient::change(SubscriptionState& state) {
  reactor_.enter();
  SubscriptionRecord* record =
      state.live ? subscriptions_.at(state.slot, state.generation) : nullptr;
  if (record == nullptr) return;
  const uint64_t max = state.max.load(std::memory_order_relaxed);
  if (state.closed.load(std::memory_order_relaxed))
    remove_subscription(*record);
  else if (max > 0)
    unsubscribe(*record, true, max);
}

void InprocClient::on_removed(const SubscriptionRecord& sub) {
  SubscriptionState& state = *std::exchange(states_[sub.slot], nullptr);
  state.live = false;
  link_->count_subscriptions(-1);
  if (state.waiting == 0) state.self.reset();
}

// After an entry of it left the inbox.
void InprocClient::done_with(SubscriptionState& state) {
  if (--state.waiting == 0 && !state.live) state.self.reset();
}

Delivered InprocClient::deliver(const router::SubRef& ref, const proto::Message& message,
                                const net::SlabRef& slab, uint64_t origin_cid) {
  SubscriptionRecord* const sub = wanted(ref, origin_cid);
  if (sub == nullptr) return Delivered::no;
  const bool with_headers = message.header_size > 0 && wants_.headers;
  const Delivered result = judge(inbox_.bytes() + Inbox::cost(message));
  if (result == Delivered::no) return result;
  push(*states_[sub->slot], message, with_headers, slab);
  count_out(*sub, message.body().size() + (with_headers ? message.header_size : 0),
            reactor_.counters().traffic);
  return result;
}

void InprocClient::push(SubscriptionState& state, const proto::Message& message, bool with_headers,
                        const net::SlabRef& slab) {
  inbox_.push(state, message, with_headers, slab, reactor_.chunks());
  ++state.waiting;
  reactor_.inproc().make_due(*this);
}

bool InprocClient::send_no_responders(const router::SubRef& ref, const proto::Message& message) {
  const SubscriptionRecord* sub = subscriptions_.at(ref.sub, ref.generation);
  if (sub == nullptr || closing_) return false;
  const std::string block = proto::no_responders_block(message.subject);
  Outgoing out;
  out.subject = message.reply;
  out.headers = block;
  // The request itself may lie in the area.
  ComposeArea& area = reactor_.inproc().area();
  const Composed composed = compose(out, area, true);
  push(*states_[sub->slot], composed.message, true, composed.own ? composed.own : area.slab());
  return true;
}

bool InprocClient::run_commands() {
  link_->answer();
  const auto changes = link_->take_changes();
  allow_stalls();
  Command* command = nullptr;
  for (uint32_t n = 0; n < InprocClients::kCommandsPerTurn && !held() && !closing_; ++n) {
    command = link_->next_command();
    if (command == nullptr) break;
    run_command(*command);
    link_->taken();
  }
  link_->made_room();
  for (const auto& state : changes) change(*state);
  if (closing_ || held()) return false;
  if (link_->next_command() != nullptr) return true;
  if (link_->close_asked()) close(proto::CloseReason::client_closed);
  return false;
}

void InprocClient::run_command(Command& command) {
  if (command.other != nullptr) {
    if (command.other->subscribe != nullptr) return subscribe(command.other->subscribe);
    if (command.other->fence != nullptr) {
      reactor_.take_mail();
      fences_.emplace_back(inbox_.pushed(), std::move(command.other->fence));
      reactor_.mark_dirty(*this);
      return;
    }
    const uint64_t number = command.other->request->number;
    if (!expect_reply(std::move(*command.other->request)))
      return give_up(number, Errc::exhausted, proto::err::kMaxSubscriptions.data());
  }
  send(command.message, link_->slab_of(command));
}

// What they hold back is published and what waits for them called by what runs next anyway.
void InprocClient::on_released() {
  if (run_commands()) reactor_.inproc().make_due(*this);
}

size_t InprocClient::run_callbacks(size_t budget) {
  size_t ran = 0;
  for (; ran < budget && !inbox_.empty() && !closing_ && !link_->close_asked(); ++ran) {
    Inbox::Entry& entry = inbox_.front();
    run_callback(entry);
    SubscriptionState& state = *entry.sub;
    inbox_.pop(reactor_.chunks());
    done_with(state);
  }
  if (running_ != nullptr) {
    running_ = nullptr;
    link_->set_running(nullptr);
  }
  if (link_->close_asked()) drop_inbox();
  if (closing_) {
    if (!due) end();  // else when it is due again
  } else if (link_->next_command() != nullptr || link_->close_asked()) {
    if (run_commands()) reactor_.inproc().make_due(*this);
  }
  if (!fences_.empty()) reactor_.mark_dirty(*this);
  return ran;
}

void InprocClient::run_callback(Inbox::Entry& entry) noexcept {
  SubscriptionState& state = *entry.sub;
  if (state.closed.load(std::memory_order_relaxed)) return;
  if (running_ != &state) {
    running_ = &state;
    link_->set_running(&state);
  }
  if (state.closed.load(std::memory_order_seq_cst) || link_->closed()) return;  // I2 of ClientLink
  MessageView view;
  view.subject = entry.subject;
  view.reply = entry.reply;
  view.headers = entry.headers;
  view.payload = entry.payload;
  view.slab_ = entry.slab.get();
  state.on_message(view);
}

void InprocClient::flush() {
  if (fences_.empty() || finished_) return;
  // What came before a fence and goes to others must be on its way by then.
  reactor_.mailbox().publish();
  while (!fences_.empty() && fences_.front().first <= inbox_.popped()) {
    link_->finish_fence(*fences_.front().second);
    fences_.pop_front();
  }
}

Result<void> InprocClient::flush_at_home(const char* where) {
  if (auto may = check_call(where); !may.ok()) return may;
  if (link_->next_command() != nullptr) run_commands();
  if (closing_) return Error{Errc::closed, 0, where, "the client is closed"};
  if (held() || link_->next_command() != nullptr)
    return Error{Errc::slow_consumer, 0, where, "a subscriber is far behind: try again later"};
  reactor_.take_mail();
  reactor_.mailbox().publish();
  return {};
}

Result<void> InprocClient::request(const Outgoing& out, RequestOrder order, const char* where) {
  if (auto may = check_call(where); !may.ok()) return may;
  // Before the publish: a callback may be due before this returns, but none runs.
  const uint64_t number = order.number;
  auto result = expect_reply(std::move(order))
                    ? publish(out, where)
                    : Error{Errc::exhausted, 0, where, std::string(proto::err::kMaxSubscriptions)};
  if (!result.ok()) requests_.erase(number);
  return result;
}

bool InprocClient::expect_reply(RequestOrder order) {
  const uint64_t number = order.number;
  const int64_t timeout_ns = std::max<int64_t>(order.timeout.count(), 0) * kNsPerMs;
  auto waiting = std::make_unique<Request>(*this, std::move(order));
  reactor_.timers().arm(*waiting, reactor_.now_ns() + timeout_ns);
  requests_.emplace(number, std::move(waiting));
  if (replies_wanted_) return true;
  auto replies = std::make_shared<SubscriptionState>(
      link_, link_->identity().inbox + "*", "",
      [this](const MessageView& message) { on_reply(message); });
  link_->count_subscriptions(1);
  subscribe(replies);
  replies_wanted_ = replies->live;
  return replies_wanted_;
}

void InprocClient::on_reply(const MessageView& message) {
  const std::string_view text = message.subject.substr(link_->identity().inbox.size());
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (message.payload.empty() && proto::header_status(message.headers) == "503")
    return give_up(number, Errc::no_responders, "nobody listens to what was requested");
  auto node = requests_.extract(number);
  if (!node.empty()) node.mapped()->order.on_reply(message);
}

void InprocClient::give_up(uint64_t number, Errc code, const char* text) {
  auto node = requests_.extract(number);
  if (node.empty() || link_->close_asked()) return;
  const bool alone = running_ == nullptr;
  if (alone) link_->set_running(this);
  if (!link_->close_asked())
    node.mapped()->order.on_reply(Error{code, 0, "Client::request", text});
  if (alone) link_->set_running(nullptr);
}

void InprocClient::close_at_home() {
  if (may_call()) reactor_.enter();
  if (link_->next_command() != nullptr && may_call() && !held()) run_commands();
  close(proto::CloseReason::client_closed);
}

void InprocClient::on_close() {
  link_->end(reason_);
  // Perhaps inside a delivery or one of our callbacks: end() comes in a turn.
  reactor_.inproc().make_due(*this);
}

void InprocClient::end() {
  while (!requests_.empty())
    give_up(requests_.begin()->first, Errc::closed, "the client is closed");
  drop_inbox();
  link_->client = nullptr;
  finish();
}

}  // namespace pipit
