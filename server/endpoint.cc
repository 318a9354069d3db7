#include "server/endpoint.h"

#include <algorithm>

#include "protocol/subject.h"
#include "server/broker.h"
#include "server/reactor.h"

namespace pipit {
namespace {

// How long a publisher is held back at a time when a subscriber is far behind, and how often for
// what it sent at once: as in nats-server 10 ms at most, or all others would wait with that one.
constexpr int64_t kStallNs = 5 * kNsPerMs;
constexpr uint8_t kStalls = 2;

}  // namespace

Endpoint::Endpoint(Reactor& reactor, uint32_t slot, uint64_t cid, Wire wire)
    : reactor_(reactor),
      broker_(reactor.broker()),
      stall_timer_(*this, &Endpoint::on_stall_timer),
      cid_(cid),
      start_ns_(reactor.now_ns()),
      last_activity_ns_(reactor.now_ns()),
      slot_(slot),
      wire_(wire) {}

Endpoint::~Endpoint() { reactor_.timers().cancel(stall_timer_); }

void Endpoint::hold(uint8_t why) {
  if (holds_ == 0) on_held();
  holds_ |= why;
}

void Endpoint::release(uint8_t why) {
  if ((holds_ & why) == 0) return;
  holds_ &= static_cast<uint8_t>(~why);
  if (holds_ == 0 && !closing_) on_released();
}

void Endpoint::never_stall() { stalls_taken_ = kStalls; }

void Endpoint::stall() {
  if (closing_ || stall_timer_.armed() || stalls_taken_ == kStalls) return;
  ++stalls_taken_;
  ++reactor_.counters().stalled_clients;
  hold(kHoldStall);
  reactor_.timers().arm(stall_timer_, reactor_.now_ns() + kStallNs);
}

std::string Endpoint::refusal(std::string_view subject, std::string_view reply) {
  return reserved_subject(subject) ? proto::err::publish_violation(subject)
                                   : proto::err::reply_violation(reply);
}

std::string Endpoint::subscribe(std::string_view subject, std::string_view queue,
                                std::string_view sid) {
  if (queue == kSystemQueue) return proto::err::subscribe_violation(subject, queue);
  const uint32_t max_tokens = reactor_.settings().options.max_sub_tokens;
  if (is_client() && max_tokens > 0 && proto::count_tokens(subject) > max_tokens)
    return proto::err::too_many_tokens(subject);
  const int64_t max = reactor_.settings().options.max_subscriptions;
  if (is_client() && max > 0 && subscriptions_.size() >= static_cast<size_t>(max))
    return std::string(proto::err::kMaxSubscriptions);
  if (subscriptions_.find(sid) != nullptr) return {};
  if (subject.size() > Subscriptions::kMaxText || queue.size() > Subscriptions::kMaxText ||
      sid.size() > Subscriptions::kMaxText || !proto::is_valid_subject(subject))
    return std::string(proto::err::kInvalidSubject);
  const SubscriptionRecord& sub =
      subscriptions_.add(subject, queue, sid, reactor_.next_generation());
  broker_.account.interest.insert(subject, queue,
                                  {slot_, sub.slot, sub.generation, reactor_.index()});
  return {};
}

void Endpoint::unsubscribe(SubscriptionRecord& sub, bool has_max, uint64_t max) {
  if (has_max && max > sub.delivered)
    sub.max = max;
  else
    remove_subscription(sub);
}

void Endpoint::remove_subscription(SubscriptionRecord& sub) {
  broker_.account.interest.remove(sub.subject(), sub.queue(),
                                  {slot_, sub.slot, sub.generation, reactor_.index()});
  on_removed(sub);
  subscriptions_.remove(sub);
}

bool Endpoint::drop_subscriptions(size_t count) {
  for (; count > 0 && subscriptions_.size() > 0; --count)
    remove_subscription(subscriptions_.last());
  return subscriptions_.size() == 0;
}

Delivered Endpoint::judge(size_t pending) {
  const auto max = static_cast<size_t>(reactor_.settings().options.max_pending);
  if (pending <= max / 4 * 3) [[likely]] return Delivered::yes;
  if (pending > max) {
    slow_consumer(proto::CloseReason::slow_consumer_pending);
    return Delivered::no;
  }
  // Dropped for this one, where that was asked for; a queue group tries another.
  if (reactor_.settings().options.no_fast_producer_stall) return Delivered::no;
  ++stalls_;
  return Delivered::behind;
}

void Endpoint::slow_consumer(proto::CloseReason reason) {
  if (closing_) return;
  ++reactor_.counters().slow_consumers;
  say(LogLevel::info, "Slow Consumer Detected: " + std::string(proto::reason_text(reason)) + " of " +
                          std::to_string(pending_bytes()) + " bytes pending");
  close(reason);
}

void Endpoint::close(proto::CloseReason reason) {
  if (closing_) return;
  closing_ = true;
  reason_ = reason;
  stop_ns_ = reactor_.now_ns();
  reactor_.timers().cancel(stall_timer_);
  if (opened_) {
    reactor_.remember_closed(*this);
    if (reason == proto::CloseReason::auth_violation || reason == proto::CloseReason::auth_timeout)
      note(ConnectionEvent::Kind::auth_failed, proto::reason_text(reason));
    note(ConnectionEvent::Kind::disconnected, proto::reason_text(reason));
  }
  drop_subscriptions(Reactor::kDropsPerTurn);
  if (broker_.log.debug())
    say(LogLevel::debug, "Client connection closed: " + std::string(proto::reason_text(reason)));
  on_close();
}

bool Endpoint::count_connection() {
  opened_ = counted_ = true;
  note(ConnectionEvent::Kind::connected);
  const int64_t others = broker_.connections.fetch_add(1, std::memory_order_relaxed);
  return others < reactor_.settings().options.max_connections;
}

void Endpoint::finish() {
  if (finished_) return;
  finished_ = true;
  if (counted_) {
    counted_ = false;
    if (broker_.connections.fetch_sub(1, std::memory_order_relaxed) == 1 && broker_.on_last_gone)
      broker_.on_last_gone();
  }
  reactor_.bury(*this);
}

void Endpoint::note(ConnectionEvent::Kind kind, std::string_view reason) {
  if (!reactor_.events().wanted()) return;
  const std::string_view transport = wire_ == Wire::tcp         ? "tcp"
                                     : wire_ == Wire::websocket ? "websocket"
                                                                : "in-process";
  const bool known = details_ != nullptr;
  reactor_.events().note({kind, cid_, transport, peer().host, peer().port,
                          known ? std::string_view(details_->name) : std::string_view(),
                          known ? std::string_view(details_->user) : std::string_view(), reason});
}

void Endpoint::say(LogLevel level, std::string_view what) const {
  std::string line = peer().host + ":" + std::to_string(peer().port);
  line += wire_ == Wire::websocket ? " - wid:" : " - cid:";
  line += std::to_string(cid_);
  line += " - ";
  line += what;
  broker_.log.line(level, line);
}

ConnectionSnapshot Endpoint::snapshot(bool with_subscriptions) const {
  ConnectionSnapshot s;
  s.cid = cid_;
  s.wire = wire_;
  s.ip = peer().host;
  s.port = peer().port;
  s.start_ns = broker_.wall_ns(start_ns_);
  s.last_activity_ns = broker_.wall_ns(std::max(last_activity_ns_, last_sent_ns_));
  if (closing_) {
    s.stop_ns = broker_.wall_ns(stop_ns_);
    s.reason = proto::reason_text(reason_);
  }
  s.rtt_ns = rtt_ns_;
  s.pending_bytes = pending_bytes();
  s.stalls = stalls_;
  s.subscriptions = subscriptions_.size();
  s.traffic = traffic_;
  if (details_ != nullptr) {
    s.name = details_->name;
    s.lang = details_->lang;
    s.version = details_->version;
    s.user = details_->user;
    s.forwarded_for = details_->forwarded_for;
    s.tls_version = details_->tls_version;
    s.tls_cipher_suite = details_->tls_cipher_suite;
    s.tls_first = details_->tls_first;
  }
  if (with_subscriptions)
    subscriptions_.for_each([&](const SubscriptionRecord& sub) {
      s.subscriptions_list.push_back({std::string(sub.subject()), std::string(sub.queue()),
                                      std::string(sub.sid()), sub.delivered, sub.max, cid_});
    });
  return s;
}

}  // namespace pipit
