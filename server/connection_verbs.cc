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
  if (reactor_.tracing()) trace("<<-", {"CONNECT {...}"});  // credentials stay out of the log
  proto::Connect& c = *parsed;
  if (connected_) drop_subscriptions();
  verbose_ = c.verbose;
  pedantic_ = c.pedantic;
  wants_.echo = c.echo;
  wants_.headers = c.headers && !reactor_.settings().options.no_header_support;
  wants_.no_responders = c.no_responders;
  protocol_ = static_cast<uint8_t>(c.protocol < 0 || c.protocol > 1 ? 0xff : c.protocol);
  Details& given_details = details();
  given_details.name = std::move(c.name);
  given_details.lang = std::move(c.lang);
  given_details.version = std::move(c.version);
  given_details.user = c.user;

  // A first estimate, as nats-server makes it; PINGs give better ones.
  if (rtt_ns_ == 0) rtt_ns_ = std::max<int64_t>(reactor_.now_ns() - start_ns_, 1);
  // The clock of the auth timeout stops here; a slow check has one of its own.
  reactor_.timers().cancel(liveness_timer_);
  const Authorization& rules = reactor_.settings().authorization(wire_);
  if (!c.account.empty() || c.new_account) return finish_auth(AuthVerdict::denied);
  if (!rules.required()) return finish_auth(AuthVerdict::accepted);
  Credentials given{std::move(c.user), std::move(c.password), std::move(c.auth_token)};
  if (!needs_bcrypt(rules))
    return finish_auth(credentials_match(rules, given) ? AuthVerdict::accepted
                                                       : AuthVerdict::denied);
  if (broker_.auth_worker.accepted_before(rules, given)) return finish_auth(AuthVerdict::accepted);
  hold(kHoldAuth);
  Reactor& home = reactor_;
  const Origin self{cid_, slot_, reactor_.index()};
  const auto deadline = AuthWorker::Clock::now() +
                        std::chrono::nanoseconds(reactor_.settings().auth_timeout_ns(wire_));
  broker_.auth_worker.post(rules, std::move(given), deadline, [&home, self](AuthVerdict verdict) {
    home.mailbox().post([&home, self, verdict] {
      if (Endpoint* waiting = home.find(self))
        static_cast<Connection*>(waiting)->finish_auth(verdict);
    });
  });
}

void Connection::finish_auth(AuthVerdict verdict) {
  if (closing_) return;
  if (verdict == AuthVerdict::late)
    return close_with(proto::err::kAuthTimeout, CloseReason::auth_timeout);
  if (verdict == AuthVerdict::denied) {
    say(LogLevel::error, "authentication error");
    return close_with(proto::err::kAuthorization, CloseReason::auth_violation);
  }
  awaiting_auth_ = false;
  after_auth();
  release(kHoldAuth);
}

void Connection::after_auth() {
  if (protocol_ == 0xff)
    return close_with(proto::err::kInvalidClientProtocol, CloseReason::bad_client_protocol);
  if (wants_.no_responders && !wants_.headers)
    return close_with(proto::err::kNoRespondersNeedsHeaders,
                      CloseReason::no_responders_needs_headers);
  connected_ = true;
  note(ConnectionEvent::Kind::authenticated);
  stream_->trust();
  send_ok();
  // The first PING comes early: it measures the round trip.
  const int64_t first = std::min(reactor_.settings().options.ping_interval_ns, 2 * kNsPerSecond);
  const auto jitter = static_cast<int64_t>(
      reactor_.random().below(static_cast<uint64_t>(std::max<int64_t>(first / 5, 1))));
  reactor_.timers().arm(liveness_timer_, reactor_.now_ns() + first + jitter);
}

// From the control line alone, before any payload is kept.
bool Connection::check_publish() {
  const int64_t limit = reactor_.settings().options.max_payload;
  if (limit >= 0 && parser_.args().size > limit) {
    close_with(proto::err::kMaxPayload, CloseReason::max_payload);
    return false;
  }
  if (!parser_.args().header_size_text.empty() && !wants_.headers) {
    close(CloseReason::protocol_violation);
    return false;
  }
  return true;
}

void Connection::on_publish(bool with_headers) {
  const proto::Args& args = parser_.args();
  if (!check_publish()) return;
  if (reactor_.tracing()) [[unlikely]] {
    trace("<<-", {with_headers ? "HPUB" : "PUB", args.subject, args.reply, args.header_size_text,
                  args.size_text});
    trace_payload("<<-", args.headers(), args.body());
  }
  count_in(args.size, reactor_.counters().traffic);
  if (pedantic_ && !proto::is_valid_literal(args.subject))
    send_error(proto::err::kInvalidPublishSubject);
  if (refused(args.subject, args.reply)) return send_error(refusal(args.subject, args.reply));
  send_ok();
  reactor_.delivery().publish(*this, args, inbound_.slab());
}

void Connection::on_subscribe() {
  const proto::Args& args = parser_.args();
  if (reactor_.tracing()) [[unlikely]]
    trace("<<-", {"SUB", args.subject, args.queue, args.sid});
  if (const std::string why = subscribe(args.subject, args.queue, args.sid); !why.empty())
    return send_error(why);
  send_ok();
}

void Connection::on_unsubscribe() {
  const proto::Args& args = parser_.args();
  if (reactor_.tracing()) [[unlikely]]
    trace("<<-", {"UNSUB", args.sid, args.has_max ? std::to_string(args.max) : std::string()});
  // What other reactors had for this client before its UNSUB is still delivered: clients drain so.
  reactor_.take_mail();
  if (closing_) return;
  if (SubscriptionRecord* sub = subscriptions_.find(args.sid); sub != nullptr)
    unsubscribe(*sub, args.has_max, args.max);
  send_ok();
}

void Connection::on_ping() {
  if (reactor_.tracing()) [[unlikely]]
    trace("<<-", {"PING"});
  // PONG is a fence: what other reactors had for this client before its PING goes out before it.
  reactor_.take_mail();
  if (closing_) return;
  if (reactor_.tracing()) [[unlikely]]
    trace("->>", {"PONG"});
  send(proto::kPong);
  if (!first_pong_sent_ && connected_) {
    first_pong_sent_ = true;
    if (protocol_ >= 1) send_info(true);
  }
}

void Connection::on_pong() {
  if (reactor_.tracing()) [[unlikely]]
    trace("<<-", {"PONG"});
  if (pings_out_ > 0) rtt_ns_ = std::max<int64_t>(reactor_.now_ns() - last_ping_ns_, 1);
  pings_out_ = 0;
}

}  // namespace pipit
