#include "server/client_link.h"

#include <utility>

#include "protocol/headers.h"
#include "protocol/subject.h"
#include "server/endpoint.h"
#include "server/inproc_client.h"

namespace pipit {
namespace {

// Commands under way at a time.
constexpr uint32_t kRing = 512;
// Of a control line besides subject, reply and their sizes.
constexpr size_t kLineRest = 32;

Error busy_error(const char* where) {
  return {Errc::slow_consumer, 0, where, "too much is under way: try again later"};
}

}  // namespace

// A call, while it lasts. Debug builds notice a second one by another thread: without that it would
// ruin the ring. Relaxed, so that it hides no race from TSan. Calls at home are the reactor's.
class ClientLink::Call {
 public:
#ifdef NDEBUG
  explicit Call(ClientLink&) {}
  Result<void> check(const char*) const { return {}; }
#else
  explicit Call(ClientLink& link) : link_(link) {
    if (link.here()) return;
    const auto self = std::this_thread::get_id();
    std::thread::id caller;
    entered_ = link.caller_.compare_exchange_strong(caller, self, std::memory_order_relaxed);
    alone_ = entered_ || caller == self;
  }
  ~Call() {
    if (entered_) link_.caller_.store({}, std::memory_order_relaxed);
  }
  Call(const Call&) = delete;
  Result<void> check(const char* where) const {
    if (alone_) return {};
    return Error{Errc::invalid_argument, 0, where, "two threads use this client at a time"};
  }

 private:
  ClientLink& link_;
  bool entered_ = false, alone_ = true;
#endif
};

ClientLink::ClientLink(std::shared_ptr<Doorbell> doorbell, ClientLimits limits, Identity identity)
    : doorbell_(std::move(doorbell)), limits_(limits), identity_(std::move(identity)) {}

ClientLink::~ClientLink() { delete ring_.load(std::memory_order_acquire); }

Error ClientLink::closed_error(const char* where) const {
  const auto why = why_closed_.load(std::memory_order_relaxed);
  return {Errc::closed, 0, where, "the client is closed: " + std::string(proto::reason_text(why))};
}

Result<void> ClientLink::check_publish(const Outgoing& out, const char* where) const {
  const auto invalid = [where](const char* text) {
    return Error{Errc::invalid_argument, 0, where, text};
  };
  if (closed()) return closed_error(where);
  if (!proto::is_valid_literal(out.subject)) return invalid("not a subject to publish to");
  if (!out.reply.empty() && !proto::is_valid_literal(out.reply))
    return invalid("not a subject to reply to");
  if (out.subject.size() + out.reply.size() + kLineRest > limits_.max_control_line)
    return Error{Errc::exhausted, 0, where, std::string(proto::err::kControlLine)};
  if (limits_.max_payload >= 0 && out.size() > static_cast<size_t>(limits_.max_payload))
    return Error{Errc::exhausted, 0, where, std::string(proto::err::kMaxPayload)};
  if (!out.headers.empty()) {
    if (!limits_.headers) return invalid("this server has headers switched off");
    if (!proto::is_header_block(out.headers)) return invalid("not a block of headers");
  }
  if (Endpoint::refused(out.subject, out.reply))
    return Error{Errc::denied, 0, where, Endpoint::refusal(out.subject, out.reply)};
  return {};
}

Result<void> ClientLink::publish(const Outgoing& out, const char* where) {
  const Call call(*this);
  PIPIT_TRY(call.check(where));
  if (auto checked = check_publish(out, where); !checked.ok()) return checked;
  if (!here()) return send_message(out, nullptr, where);
  if (client == nullptr) return closed_error(where);
  return client->publish(out, where);
}

Result<std::shared_ptr<SubscriptionState>> ClientLink::subscribe(std::string_view subject,
                                                                 std::string_view queue,
                                                                 Client::OnMessage on_message) {
  constexpr const char* kWhere = "Client::subscribe";
  const auto invalid = [](const char* text) {
    return Error{Errc::invalid_argument, 0, kWhere, text};
  };
  const Call call(*this);
  PIPIT_TRY(call.check(kWhere));
  if (closed()) return closed_error(kWhere);
  if (!on_message) return invalid("no callback");
  if (!proto::is_valid_subject(subject)) return invalid("not a subject to subscribe to");
  if (!queue.empty() && !proto::is_valid_literal(queue)) return invalid("not a queue name");
  if (subject.size() + queue.size() + kLineRest > limits_.max_control_line)
    return Error{Errc::exhausted, 0, kWhere, std::string(proto::err::kControlLine)};
  if (queue == Endpoint::kSystemQueue)
    return Error{Errc::denied, 0, kWhere, proto::err::subscribe_violation(subject, queue)};
  if (limits_.max_sub_tokens > 0 && proto::count_tokens(subject) > limits_.max_sub_tokens)
    return Error{Errc::exhausted, 0, kWhere, proto::err::too_many_tokens(subject)};
  if (limits_.max_subscriptions > 0 &&
      subscriptions_.load(std::memory_order_relaxed) >= limits_.max_subscriptions)
    return Error{Errc::exhausted, 0, kWhere, std::string(proto::err::kMaxSubscriptions)};

  auto state =
      std::make_shared<SubscriptionState>(shared_from_this(), subject, queue, std::move(on_message));
  if (here()) {
    if (client == nullptr) return closed_error(kWhere);
    if (auto done = client->check_call(kWhere); !done.ok()) return done.take_error();
    count_subscriptions(1);
    client->subscribe(state);
    return state;
  }
  Command command;
  command.size = subject.size() + queue.size() + sizeof(SubscriptionState);
  if (full(command.size)) return busy_error(kWhere);
  count_subscriptions(1);
  command.other = std::make_unique<Command::Other>();
  command.other->subscribe = state;
  send(std::move(command));
  return state;
}

Result<void> ClientLink::request(Outgoing out, std::chrono::milliseconds timeout,
                                 Client::OnReply on_reply, const char* where) {
  const Call call(*this);
  PIPIT_TRY(call.check(where));
  if (!on_reply) return Error{Errc::invalid_argument, 0, where, "no callback"};
  RequestOrder order;
  order.number = next_request_.fetch_add(1, std::memory_order_relaxed);
  order.timeout = timeout;
  order.on_reply = std::move(on_reply);
  const std::string reply = identity_.inbox + std::to_string(order.number);
  out.reply = reply;
  if (auto checked = check_publish(out, where); !checked.ok()) return checked;
  if (here()) {
    if (client == nullptr) return closed_error(where);
    return client->request(out, std::move(order), where);
  }
  auto other = std::make_unique<Command::Other>();
  other->request = std::move(order);
  return send_message(out, std::move(other), where);
}

Result<Message> ClientLink::request_and_wait(const Outgoing& out, std::chrono::milliseconds timeout,
                                             const char* where) {
  const Call call(*this);
  PIPIT_TRY(call.check(where));
  if (here())
    return Error{Errc::invalid_argument, 0, where, "at home a reply cannot be waited for"};
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  auto reply = std::make_shared<std::optional<Result<Message>>>();
  PIPIT_TRY(request(
      out, timeout,
      [this, reply](Result<MessageView> got) {
        const std::lock_guard lock(mutex_);
        if (got.ok())
          reply->emplace(got.value().retain());
        else
          reply->emplace(got.take_error());
        changed_.notify_all();
      },
      where));
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [&] { return reply->has_value() || closed(); });
  if (reply->has_value()) return std::move(**reply);
  if (closed()) return closed_error(where);
  return Error{Errc::timeout, 0, where, "no reply in time"};
}

Result<void> ClientLink::flush(std::chrono::milliseconds timeout) {
  constexpr const char* kWhere = "Client::flush";
  const Call call(*this);
  PIPIT_TRY(call.check(kWhere));
  if (closed()) return closed_error(kWhere);
  if (here()) {
    if (client == nullptr) return closed_error(kWhere);
    return client->flush_at_home(kWhere);
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const Error late{Errc::timeout, 0, kWhere, "the server did not get to it in time"};
  auto fence = std::make_shared<bool>(false);
  std::unique_lock lock(mutex_);
  waiters_.fetch_add(1, std::memory_order_acq_rel);  // I3
  const bool room = changed_.wait_until(lock, deadline, [&] { return !full(0) || closed(); });
  waiters_.fetch_sub(1, std::memory_order_relaxed);
  if (closed()) return closed_error(kWhere);
  if (!room) return late;
  Command command;
  command.other = std::make_unique<Command::Other>();
  command.other->fence = fence;
  lock.unlock();
  send(std::move(command));
  lock.lock();
  changed_.wait_until(lock, deadline, [&] { return *fence || closed(); });
  if (*fence) return {};
  if (closed()) return closed_error(kWhere);
  return late;
}

void ClientLink::close() {
  if (close_asked_.exchange(true, std::memory_order_acq_rel)) return;
  closed_.store(true, std::memory_order_seq_cst);  // I2
  if (here()) {
    if (client != nullptr) client->close_at_home();
    return;
  }
  call_home();
  wait_for_callback(nullptr);
}

void ClientLink::close_subscription(const std::shared_ptr<SubscriptionState>& state) {
  if (state->closed.exchange(true, std::memory_order_seq_cst)) return;  // I2
  change(state);
  if (!here()) wait_for_callback(state.get());
}

void ClientLink::close_after(const std::shared_ptr<SubscriptionState>& state, uint64_t max) {
  state->max.store(max, std::memory_order_relaxed);
  change(state);
}

void ClientLink::change(const std::shared_ptr<SubscriptionState>& state) {
  if (here() && client != nullptr && client->may_call()) return client->change(*state);
  {
    const std::lock_guard lock(mutex_);
    if (closed()) return;
    changes_.push_back(state);
  }
  call_home();
}

void ClientLink::call_home() {
  if (rung_.exchange(true, std::memory_order_acq_rel)) return;  // I1
  if (!doorbell_->ring(shared_from_this())) end(proto::CloseReason::server_shutdown);
}

bool ClientLink::full(size_t more) {
  auto* ring = ring_.load(std::memory_order_relaxed);
  if (ring == nullptr) {
    ring = new net::SpscRing<Command>(kRing);
    ring_.store(ring, std::memory_order_release);
  }
  const uint64_t under_way = sent_bytes_ - taken_bytes_.load(std::memory_order_acquire);
  return ring->full() || (under_way > 0 && under_way + more > limits_.max_pending);
}

void ClientLink::send(Command&& command) {
  auto* ring = ring_.load(std::memory_order_relaxed);
  sent_bytes_ += command.size;
  ring->push(std::move(command));
  ring->publish();
  call_home();
}

Result<void> ClientLink::send_message(const Outgoing& out, std::unique_ptr<Command::Other> other,
                                      const char* where) {
  const size_t size = out.subject.size() + out.reply.size() + out.size();
  if (full(size)) return busy_error(where);
  Composed composed = compose(out, area_, true);
  Command command;
  command.message = composed.message;
  command.size = size;
  command.other = std::move(other);
  if (composed.own) {
    command.slab = std::move(composed.own);
  } else if (shown_ != area_.slab().bytes()) {
    shown_ = area_.slab().bytes();
    command.slab = area_.slab().share();
    command.texts = true;
  }
  send(std::move(command));
  return {};
}

Command* ClientLink::next_command() {
  auto* ring = ring_.load(std::memory_order_acquire);
  Command* command = ring == nullptr ? nullptr : ring->front();
  if (command != nullptr && command->texts) {
    texts_ = std::move(command->slab);
    command->texts = false;
  }
  return command;
}

void ClientLink::taken() {
  auto* ring = ring_.load(std::memory_order_relaxed);
  done_bytes_ += ring->front()->size;
  ring->pop();
  taken_bytes_.store(done_bytes_, std::memory_order_release);
}

void ClientLink::made_room() {
  if (waiters_.fetch_add(0, std::memory_order_acq_rel) == 0) return;  // I3
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

std::vector<std::shared_ptr<SubscriptionState>> ClientLink::take_changes() {
  const std::lock_guard lock(mutex_);
  return std::exchange(changes_, {});
}

void ClientLink::end(proto::CloseReason why) {
  if (!closed_.load(std::memory_order_relaxed)) why_closed_.store(why, std::memory_order_relaxed);
  closed_.store(true, std::memory_order_seq_cst);
  const std::lock_guard lock(mutex_);
  changes_.clear();
  changed_.notify_all();
}

void ClientLink::set_running(const void* who) {
  running_.store(who, std::memory_order_seq_cst);  // I2
  if (waiters_.load(std::memory_order_seq_cst) == 0) return;
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void ClientLink::wait_for_callback(const void* who) {
  waiters_.fetch_add(1, std::memory_order_seq_cst);
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] {
      const void* running = running_.load(std::memory_order_seq_cst);
      return who == nullptr ? running == nullptr : running != who;
    });
  }
  waiters_.fetch_sub(1, std::memory_order_relaxed);
}

void ClientLink::finish_fence(bool& fence) {
  const std::lock_guard lock(mutex_);
  fence = true;
  changed_.notify_all();
}

}  // namespace pipit
