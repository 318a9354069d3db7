// What each verb of the client protocol does. Source of behaviour: nats-server's client protocol
// reference; the texts and reasons are protocol/errors.h.
#include <algorithm>

#include "protocol/subject.h"
#include "protocol/writer.h"
#include "server/broker.h"
#include "server/connection.h"
#include "server/reactor.h"

namespace pipit {
namespace {

using proto::CloseReason;

// nats-server routes gateway replies and its Raft groups under these; a client may not publish there.
bool reserved_subject(std::string_view subject) {
  return subject.starts_with("_GR_.") || subject.starts_with("$NRG.");
}
bool reserved_reply(std::string_view reply) {
  return reply.starts_with("_R_.") || reply.starts_with("_GR_.") || reply.starts_with("$JS.ACK.");
}

}  // namespace

void Connection::handle(proto::Event event) {
  using proto::Event;
  const proto::Args& args = parser_.args();
  switch (event) {
    case Event::pub: return on_publish(false);
    case Event::hpub: return on_publish(true);
    case Event::sub: return on_subscribe();
    case Event::unsub: return on_unsubscribe();
    case Event::ping: return on_ping();
    case Event::pong: return on_pong();
    case Event::connect: return on_connect();
    case Event::info:
      if (!reactor_.connect_parser().is_json(args.json)) close(CloseReason::protocol_violation);
      return;
    case Event::ok: return;
    case Event::err:
      broker_.log.print(LogLevel::error, "cid:%llu - Client error: %.*s",
                        static_cast<unsigned long long>(cid_),
                        static_cast<int>(std::min<size_t>(args.text.size(), 400)),
                        args.text.data());
      return close(CloseReason::parse_error);
    case Event::fault: return on_fault();
    case Event::need_more:
    case Event::payload_pending: return;
  }
}

void Connection::on_fault() {
  // A payload that is too large is refused for that, wherever its end was looked for.
  if (parser_.args().size > 0 && !check_publish()) return;
  switch (parser_.fault()) {
    case proto::Fault::unknown_operation:
      return close_with(proto::err::kUnknownOperation, CloseReason::protocol_violation);
    case proto::Fault::control_line_exceeded:
      return close_with(proto::err::kControlLine, CloseReason::max_control_line);
    case proto::Fault::bad_arguments:
    case proto::Fault::none: return close(CloseReason::protocol_violation);
  }
}

void Connection::on_connect() {
  std::optional<proto::Connect> parsed = reactor_.connect_parser().parse(parser_.args().json);
  if (!parsed) return close(CloseReason::protocol_violation);
  if (reactor_.tracing()) trace("<<-", "CONNECT {...}");  // credentials stay out of the log
  proto::Connect& c = *parsed;
  if (connected_) drop_subscriptions();
  connect_.verbose = c.verbose;
  connect_.pedantic = c.pedantic;
  connect_.echo = c.echo;
  connect_.headers = c.headers && !broker_.options.no_header_support;
  connect_.no_responders = c.no_responders;
  protocol_ = static_cast<uint8_t>(c.protocol < 0 || c.protocol > 1 ? 0xff : c.protocol);
  if (details_ == nullptr) details_ = std::make_unique<Details>();
  details_->name = std::move(c.name);
  details_->lang = std::move(c.lang);
  details_->version = std::move(c.version);
  details_->user = c.user;

  // A first estimate, as nats-server makes it; PINGs give better ones.
  if (rtt_ns_ == 0) rtt_ns_ = std::max<int64_t>(reactor_.now_ns() - start_ns_, 1);
  // The clock of the auth timeout stops here, also while a slow check runs.
  reactor_.timers().cancel(liveness_timer_);
  const Authorization& rules = broker_.authorization(wire_);
  if (!c.account.empty() || c.new_account) return finish_auth(false);
  if (!rules.required()) return finish_auth(true);
  Credentials given{std::move(c.user), std::move(c.password), std::move(c.auth_token)};
  if (!needs_bcrypt(rules)) return finish_auth(credentials_match(rules, given));
  hold(kHoldAuth);
  Reactor& home = reactor_;
  const Origin self{cid_, slot_, reactor_.index()};
  broker_.auth_worker.post(rules, std::move(given), [&home, self](bool ok) {
    home.mailbox().post([&home, self, ok] {
      if (Connection* waiting = home.find(self)) waiting->finish_auth(ok);
    });
  });
}

void Connection::finish_auth(bool ok) {
  if (closing_) return;
  if (!ok) {
    broker_.log.print(LogLevel::error, "%s:%u - %s:%llu - authentication error",
                      stream_->peer().host.c_str(), stream_->peer().port,
                      wire_ == Wire::tcp ? "cid" : "wid", static_cast<unsigned long long>(cid_));
    return close_with(proto::err::kAuthorization, CloseReason::auth_violation);
  }
  awaiting_auth_ = false;
  after_auth();
  release(kHoldAuth);
}

void Connection::after_auth() {
  if (protocol_ == 0xff)
    return close_with(proto::err::kInvalidClientProtocol, CloseReason::bad_client_protocol);
  if (connect_.no_responders && !connect_.headers)
    return close_with(proto::err::kNoRespondersNeedsHeaders,
                      CloseReason::no_responders_needs_headers);
  connected_ = true;
  send_ok();
  // The first PING comes early: it measures the round trip.
  const int64_t first = std::min(broker_.options.ping_interval_ns, 2 * kNsPerSecond);
  const auto jitter = static_cast<int64_t>(
      reactor_.random().below(static_cast<uint64_t>(std::max<int64_t>(first / 5, 1))));
  reactor_.timers().arm(liveness_timer_, reactor_.now_ns() + first + jitter);
}

// From the control line alone, before any payload is kept.
bool Connection::check_publish() {
  const int64_t limit = broker_.options.max_payload;
  if (limit >= 0 && parser_.args().size > limit) {
    close_with(proto::err::kMaxPayload, CloseReason::max_payload);
    return false;
  }
  if (!parser_.args().header_size_text.empty() && !connect_.headers) {
    close(CloseReason::protocol_violation);
    return false;
  }
  return true;
}

void Connection::on_publish(bool with_headers) {
  const proto::Args& args = parser_.args();
  if (!check_publish()) return;
  if (reactor_.tracing()) [[unlikely]]
    trace("<<-", (with_headers ? "HPUB " : "PUB ") + std::string(args.subject) + " " +
                     std::string(args.reply) + " " + std::string(args.size_text));
  ++traffic_.in_msgs;
  traffic_.in_bytes += args.size;
  Traffic& total = reactor_.counters().traffic;
  ++total.in_msgs;
  total.in_bytes += args.size;

  if (connect_.pedantic && !proto::is_valid_literal(args.subject))
    send_error(proto::err::kInvalidPublishSubject);
  if (reserved_subject(args.subject))
    return send_error(proto::err::publish_violation(args.subject));
  if (!args.reply.empty() && reserved_reply(args.reply))
    return send_error(proto::err::reply_violation(args.reply));
  send_ok();
  reactor_.delivery().publish(*this, args, inbound_.slab());
}

void Connection::on_subscribe() {
  const proto::Args& args = parser_.args();
  if (reactor_.tracing()) [[unlikely]]
    trace("<<-", "SUB " + std::string(args.subject) + " " + std::string(args.queue) + " " +
                     std::string(args.sid));
  if (args.queue == "_sys_")
    return send_error(proto::err::subscribe_violation(args.subject, args.queue));
  const uint32_t max_tokens = broker_.options.max_sub_tokens;
  if (max_tokens > 0 && proto::count_tokens(args.subject) > max_tokens)
    return send_error(proto::err::too_many_tokens(args.subject));
  const int64_t max = broker_.options.max_subscriptions;
  if (max > 0 && subscriptions_.size() >= static_cast<size_t>(max))
    return send_error(proto::err::kMaxSubscriptions);
  if (subscriptions_.find(args.sid) != nullptr) return send_ok();
  if (args.subject.size() > Subscriptions::kMaxText || args.queue.size() > Subscriptions::kMaxText ||
      args.sid.size() > Subscriptions::kMaxText || !proto::is_valid_subject(args.subject))
    return send_error(proto::err::kInvalidSubject);
  const Subscription& sub =
      subscriptions_.add(args.subject, args.queue, args.sid, reactor_.next_generation());
  broker_.account.interest.insert(
      args.subject, args.queue, {slot_, sub.slot, sub.generation, reactor_.index()});
  send_ok();
}

void Connection::on_unsubscribe() {
  const proto::Args& args = parser_.args();
  if (reactor_.tracing()) [[unlikely]] trace("<<-", "UNSUB " + std::string(args.sid));
  if (Subscription* sub = subscriptions_.find(args.sid); sub != nullptr) {
    if (args.has_max && args.max > sub->delivered)
      sub->max = args.max;
    else
      remove_subscription(*sub);
  }
  send_ok();
}

void Connection::remove_subscription(Subscription& sub) {
  broker_.account.interest.remove(sub.subject(), sub.queue(),
                                  {slot_, sub.slot, sub.generation, reactor_.index()});
  subscriptions_.remove(sub);
}

void Connection::drop_subscriptions() {
  std::vector<Subscription*> all;
  all.reserve(subscriptions_.size());
  subscriptions_.for_each([&](Subscription& sub) { all.push_back(&sub); });
  for (Subscription* sub : all) remove_subscription(*sub);
}

void Connection::on_ping() {
  if (reactor_.tracing()) [[unlikely]] trace("<<-", "PING");
  // PONG is a fence: what other reactors had for this client before its PING goes out before it.
  reactor_.take_mail();
  if (closing_) return;
  send(proto::kPong);
  if (!first_pong_sent_ && connected_) {
    first_pong_sent_ = true;
    if (protocol_ >= 1) send_info(true);
  }
}

void Connection::on_pong() {
  if (reactor_.tracing()) [[unlikely]] trace("<<-", "PONG");
  if (pings_out_ > 0) rtt_ns_ = std::max<int64_t>(reactor_.now_ns() - last_ping_ns_, 1);
  pings_out_ = 0;
}

}  // namespace pipit
