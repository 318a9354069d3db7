#include "server/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "protocol/writer.h"
#include "server/broker.h"
#include "server/reactor.h"
#include "server/trace.h"

namespace pipit {
namespace {

// What a closing connection may take to send its last bytes (nats-server's flush on close).
constexpr int64_t kLingerNs = 100 * kNsPerMs;
// Flush inside a turn from here on: the bytes are still in the cache.
constexpr size_t kEarlyFlush = 64 * 1024;
constexpr int64_t kDefaultHandshakeTimeoutNs = 10 * kNsPerSecond;

}  // namespace

Connection::Connection(Reactor& reactor, uint32_t slot, uint64_t cid, Wire wire)
    : Endpoint(reactor, slot, cid, wire),
      parser_(reactor.settings().options.max_control_line),
      liveness_timer_(*this, &Connection::on_liveness_timer),
      write_timer_(*this, &Connection::on_write_timer) {
  wants_.echo = true;
}

Connection::~Connection() {
  reactor_.timers().cancel(liveness_timer_);
  reactor_.timers().cancel(write_timer_);
  outbound_.clear(reactor_.chunks());
}

void Connection::open(std::unique_ptr<net::ByteStream> stream) {
  stream_ = std::move(stream);
  if (wire_ == Wire::websocket) {
    const int64_t timeout = reactor_.settings().options.websocket.handshake_timeout_ns;
    arm_liveness(timeout > 0 ? timeout : kDefaultHandshakeTimeoutNs);
  }
  stream_->start(this);
  if (wire_ != Wire::tcp || closing_ || opened_) return;
  if (tls_ != nullptr)
    begin_tls();
  else
    send_info(false);
}

void Connection::upgraded(const net::WsUpgrade& upgrade) {
  reactor_.awake();
  if (!upgrade.accepted)
    return say(LogLevel::error, "websocket handshake error: " + upgrade.reason);
  sharer_ = stream_->sharer();
  if (!upgrade.forwarded_for.empty()) details().forwarded_for = upgrade.forwarded_for;
  send_info(false);
}

std::span<std::byte> Connection::on_alloc() {
  reactor_.awake();
  return inbound_.alloc(reactor_.read_area());
}

void Connection::on_read(size_t n) {
  const std::string_view bytes = inbound_.filled(n);
  if (n > 0) last_activity_ns_ = reactor_.now_ns();
  allow_stalls();
  process(bytes);
}

void Connection::process(std::string_view bytes) {
  size_t operation_size = 0;
  parse(bytes, operation_size);
  if (closing_)
    inbound_.clear();
  else
    inbound_.keep(bytes, operation_size, reactor_.read_area());
}

void Connection::parse(std::string_view& bytes, size_t& operation_size) {
  while (parsing_allowed() && !bytes.empty()) {
    // Before CONNECT the first byte decides, whatever would follow (nats-server does the same).
    if (awaiting_auth_ && parser_.between_operations() && (bytes.front() | 0x20) != 'c') {
      close_with(proto::err::kAuthorization, proto::CloseReason::auth_violation);
      return;
    }
    const proto::Event event = parser_.next(bytes);
    if (event == proto::Event::need_more) return;
    if (event == proto::Event::payload_pending) {
      if (check_publish()) operation_size = parser_.operation_size();
      return;
    }
    handle(event);
  }
}

void Connection::on_released() {
  process(inbound_.kept(reactor_.read_area()));
  if (parsing_allowed()) stream_->resume_reading();
}

Delivered Connection::deliver(const router::SubRef& ref, const proto::Message& message,
                              const net::SlabRef& slab, uint64_t origin_cid) {
  SubscriptionRecord* const sub = wanted(ref, origin_cid);
  if (sub == nullptr) return Delivered::no;
  const bool with_headers = message.header_size > 0 && wants_.headers;
  // The header block in front, unless it lies elsewhere.
  const bool apart = with_headers && message.block_apart != nullptr;
  const std::string_view payload = with_headers && !apart ? message.payload : message.body();
  const size_t size = payload.size() + (apart ? message.header_size : 0);
  // A receiver without headers gets the body only, and its size in our own digits.
  char digits[20];
  std::string_view size_text = message.size_text;
  if (message.header_size > 0 && !with_headers)
    size_text = {digits, static_cast<size_t>(proto::write_uint(digits, size) - digits)};
  const size_t line_bound =
      with_headers ? proto::hmsg_line_size(message.subject, sub->sid(), message.reply,
                                           message.header_size_text, size_text)
                   : proto::msg_line_size(message.subject, sub->sid(), message.reply, size_text);

  const auto max_pending = static_cast<size_t>(reactor_.settings().options.max_pending);
  Delivered result = Delivered::yes;
  if (outbound_.pending() + line_bound + size + 2 > max_pending / 4 * 3) [[unlikely]] {
    if (!blocked_) flush();
    result = judge(pending_bytes() + line_bound + size + 2);
    if (result == Delivered::no) return result;
  }

  ChunkPool& chunks = reactor_.chunks();
  const bool share = size >= kSharedPayloadMin && sharer_ != nullptr && !apart;
  const bool copy = !share && outbound_.better_copied(slab, size);
  char* begin = outbound_.room(line_bound + (copy ? size + 2 : 0), chunks);
  char* out = with_headers
                  ? proto::write_hmsg_line(begin, message.subject, sub->sid(), message.reply,
                                           message.header_size_text, size_text)
                  : proto::write_msg_line(begin, message.subject, sub->sid(), message.reply,
                                          size_text);
  if (reactor_.tracing()) [[unlikely]] {
    // Without its line end.
    trace("->>", {std::string_view(begin, static_cast<size_t>(out - begin) - 2)});
    trace_payload("->>", with_headers ? message.headers() : std::string_view(), message.body());
  }
  if (copy) {
    if (apart) [[unlikely]] {
      std::memcpy(out, message.block_apart, message.header_size);
      out += message.header_size;
    }
    std::memcpy(out, payload.data(), payload.size());
    out += payload.size();
    *out++ = '\r';
    *out++ = '\n';
    outbound_.commit(static_cast<size_t>(out - begin));
  } else if (share) {
    outbound_.commit(static_cast<size_t>(out - begin));
    outbound_.shared(sharer_->share(slab, payload, proto::kCrlf), chunks);
  } else {
    outbound_.commit(static_cast<size_t>(out - begin));
    if (apart) outbound_.slice(slab, message.headers(), chunks);
    outbound_.slice(slab, payload, chunks);
    outbound_.append(proto::kCrlf, chunks);
  }
  count_out(*sub, size, reactor_.counters().traffic);
  reactor_.mark_dirty(*this);
  if (outbound_.pending() >= kEarlyFlush && !blocked_) flush();
  return result;
}

bool Connection::send_no_responders(const router::SubRef& ref, const proto::Message& message) {
  const SubscriptionRecord* sub = subscriptions_.at(ref.sub, ref.generation);
  if (sub == nullptr || closing_) return false;
  const size_t bound = proto::no_responders_size(message.reply, sub->sid(), message.subject);
  char* begin = outbound_.room(bound, reactor_.chunks());
  const char* end = proto::write_no_responders(begin, message.reply, sub->sid(), message.subject);
  outbound_.commit(static_cast<size_t>(end - begin));
  queued();
  return true;
}

size_t Connection::pending_bytes() const {
  return outbound_.pending() + (finished_ ? 0 : stream_->held_bytes());
}

void Connection::send(std::string_view text) {
  if (closing_) return;
  if (tls_ != nullptr) {  // in the clear, or not at all
    tls_->greet(text);
    return;
  }
  outbound_.append(text, reactor_.chunks());
  queued();
}

void Connection::queued() {
  reactor_.mark_dirty(*this);
  // A client that asks and never reads: what we answer is bounded like what we deliver.
  if (outbound_.pending() > static_cast<size_t>(reactor_.settings().options.max_pending))
      [[unlikely]]
    slow_consumer(proto::CloseReason::slow_consumer_pending);
}

void Connection::send_ok() {
  if (!verbose_) return;
  if (reactor_.tracing()) [[unlikely]]
    trace("->>", {"OK"});
  send(proto::kOk);
}

void Connection::send_error(std::string_view text) {
  if (closing_) return;
  if (tls_ != nullptr) {
    std::string line(proto::err_size(text), '\0');
    line.resize(static_cast<size_t>(proto::write_err(line.data(), text) - line.data()));
    return send(line);
  }
  char* begin = outbound_.room(proto::err_size(text), reactor_.chunks());
  outbound_.commit(static_cast<size_t>(proto::write_err(begin, text) - begin));
  if (reactor_.tracing()) trace("->>", {"-ERR", text});
  queued();
}

void Connection::close_with(std::string_view error, proto::CloseReason reason) {
  send_error(error);
  close(reason);
}

void Connection::send_info(bool first_pong) {
  if (!first_pong) {
    const bool room = count_connection();
    awaiting_auth_ = reactor_.settings().authorization(wire_).required();
    if (tls_due())
      arm_liveness(reactor_.settings().options.tls.handshake_timeout_ns());
    else
      arm_first_deadline();
    say(LogLevel::debug, "Client connection created");
    proto::Info info = reactor_.settings().info(wire_);
    info.client_id = cid_;
    info.client_ip = stream_->peer().host;
    std::string text;
    proto::write_info(text, info);
    send(text);
    if (!room) close_with(proto::err::kMaxConnections, proto::CloseReason::max_connections);
    return;
  }
  proto::Info info = reactor_.settings().info(wire_);
  info.client_id = cid_;
  info.client_ip = stream_->peer().host;
  info.connect_info = true;
  info.remote_account = broker_.account.name;
  std::string text;
  proto::write_info(text, info);
  send(text);
}

void Connection::send_lame_duck() {
  if (closing_ || !first_pong_sent_ || protocol_ < 1) return;
  proto::Info info = reactor_.settings().info(wire_);
  info.client_id = cid_;
  info.client_ip = stream_->peer().host;
  info.lame_duck = true;
  info.connect_urls.clear();
  std::string text;
  proto::write_info(text, info);
  send(text);
}

void Connection::flush() {
  if (finished_ || outbound_.empty()) return;
  // A PONG may be among it: what came before it and goes to others must be on its way by then.
  reactor_.mailbox().publish();
  const size_t before = outbound_.pending();
  const bool all = outbound_.flush(*stream_, reactor_.chunks());
  written_ += before - outbound_.pending();
  last_sent_ns_ = reactor_.now_ns();
  blocked_ = !all;
  watch_write();
}

// nats-server gives each batch of pending bytes write_deadline as a whole; so do we: the bytes that
// were pending when the stream first took less than all must be gone by then.
void Connection::watch_write() {
  if (!blocked_) {
    if (write_timer_.armed() && !closing_) reactor_.timers().cancel(write_timer_);
    return;
  }
  if (closing_ || (write_timer_.armed() && written_ < deadline_mark_)) return;
  deadline_mark_ = written_ + outbound_.pending();
  reactor_.timers().arm(write_timer_,
                        reactor_.now_ns() + reactor_.settings().options.write_deadline_ns);
}

void Connection::on_writable() {
  reactor_.awake();
  blocked_ = false;
  flush();
  if (closing_ && outbound_.empty()) hang_up();
}

void Connection::on_write_timer() {
  if (closing_) return hang_up();
  slow_consumer(proto::CloseReason::slow_consumer_deadline);
}

void Connection::on_close() {
  stream_->pause_reading();
  reactor_.timers().cancel(liveness_timer_);
  reactor_.timers().cancel(write_timer_);
  if (!proto::flush_before_close(reason_))
    outbound_.clear(reactor_.chunks());
  else if (!blocked_)
    flush();
  if (outbound_.empty())
    hang_up();
  else
    reactor_.timers().arm(write_timer_, reactor_.now_ns() + kLingerNs);
}

void Connection::hang_up() {
  if (finished_) return;
  reactor_.timers().cancel(write_timer_);
  stream_->close(proto::websocket_close_code(reason_), proto::reason_text(reason_));
  outbound_.clear(reactor_.chunks());
  finish();
}

void Connection::on_end(int sys_errno, uint16_t, std::string_view why) {
  reactor_.awake();
  if (tls_due()) return tls_failed(why);
  if (wire_ == Wire::websocket && !opened_ && sys_errno == EPROTO)
    say(LogLevel::error, "TLS handshake error: " + std::string(why));
  if (sys_errno != 0) {
    // Nobody is there to read what is pending.
    outbound_.clear(reactor_.chunks());
    blocked_ = false;
    if (closing_) return hang_up();
    return close(proto::CloseReason::read_error);
  }
  // Its end alone says only that no more will come: it may still read.
  close(proto::CloseReason::client_closed);
}

void Connection::arm_liveness(int64_t delay_ns) {
  reactor_.timers().arm(liveness_timer_, reactor_.now_ns() + delay_ns);
}

// Until CONNECT, or the first PING.
void Connection::arm_first_deadline() {
  arm_liveness(awaiting_auth_ ? reactor_.settings().auth_timeout_ns(wire_)
                              : reactor_.settings().options.ping_interval_ns);
}

void Connection::on_liveness_timer() {
  if (tls_ != nullptr && on_tls_timer()) return;
  if (!opened_) {  // the WebSocket handshake took too long
    stop_ns_ = reactor_.now_ns();
    closing_ = true;
    return hang_up();
  }
  if (awaiting_auth_)
    return close_with(proto::err::kAuthTimeout, proto::CloseReason::auth_timeout);
  const int64_t ws_interval = reactor_.settings().options.websocket.ping_interval_ns;
  const int64_t interval = wire_ == Wire::websocket && ws_interval > 0
                               ? ws_interval
                               : reactor_.settings().options.ping_interval_ns;
  const int64_t now = reactor_.now_ns();
  const bool rtt_fresh = last_ping_ns_ != 0 && now - last_ping_ns_ < 3600 * kNsPerSecond;
  if (now - last_activity_ns_ >= interval || !rtt_fresh) {
    if (pings_out_ + 1 > reactor_.settings().options.ping_max) {
      ++reactor_.counters().stale_connections;
      return close_with(proto::err::kStale, proto::CloseReason::stale_connection);
    }
    ++pings_out_;
    last_ping_ns_ = now;
    if (reactor_.tracing()) [[unlikely]]
      trace("->>", {"PING"});
    send(proto::kPing);
  }
  arm_liveness(interval);
}

void Connection::trace(const char* direction, std::initializer_list<std::string_view> words) const {
  std::string line = direction;
  line += " [";
  for (const std::string_view word : words) {
    if (word.empty()) continue;
    if (line.back() != '[') line += ' ';
    line += word;
  }
  say(LogLevel::trace, line += ']');
}

void Connection::trace_payload(const char* direction, std::string_view headers,
                               std::string_view body) const {
  if (headers.empty() && body.empty()) return;
  say(LogLevel::trace,
      std::string(direction) + ' ' +
          traced_payload(headers, body, reactor_.settings().options.max_traced_msg_len));
}

void Connection::on_removed(const SubscriptionRecord& sub) {
  if (reactor_.tracing()) [[unlikely]]
    trace("<->", {"DELSUB", sub.sid()});
}

}  // namespace pipit
