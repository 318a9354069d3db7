#include "transport/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace pipit::net {
namespace {

using Status = TlsSession::Status;

constexpr char kHandshakeRecord = 0x16;
constexpr size_t kRecordHeader = 5;
// Of a protected record; mbedTLS judges what is larger.
constexpr size_t kMaxWireRecord = TlsSession::kMaxRecord + 2048;

// Is there enough of it to be worth a step? Who sends a byte at a time does not cost one for each,
// nor a session before its hello is whole.
bool worth_a_step(std::string_view in) {
  if (in.size() < kRecordHeader) return false;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(in[i]); };
  const size_t body = static_cast<size_t>(byte(3)) << 8 | byte(4);
  return body > kMaxWireRecord || in.size() >= kRecordHeader + body;
}

// What a write() may leave behind, and a few alerts.
constexpr size_t kMaxHeld = TlsStream::kBatch + 2 * TlsSession::kMaxRecord;

// What is left of the parts of a write.
class Rest {
 public:
  explicit Rest(std::span<const iovec> parts) : parts_(parts) {}

  // The next `size` bytes at most: where they lie, or side by side in `scratch`.
  std::string_view take(size_t size, std::string& scratch) {
    std::string_view first = take_of_part(size);
    if (first.size() == size || parts_.empty()) return first;
    scratch.assign(first);
    while (scratch.size() < size && !parts_.empty())
      scratch.append(take_of_part(size - scratch.size()));
    return scratch;
  }

 private:
  std::string_view take_of_part(size_t size) {
    const iovec& part = parts_.front();
    const size_t count = std::min(size, part.iov_len - offset_);
    const std::string_view piece(static_cast<const char*>(part.iov_base) + offset_, count);
    offset_ += count;
    while (!parts_.empty() && offset_ == parts_.front().iov_len) {
      parts_ = parts_.subspan(1);
      offset_ = 0;
    }
    return piece;
  }

  std::span<const iovec> parts_;
  size_t offset_ = 0;  // in the first of them
};

size_t sum_of(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  return total;
}

}  // namespace

class TlsStream::Impl final : public StreamHandler {
 public:
  Impl(std::unique_ptr<ByteStream> below, Settings settings, Events events)
      : below_(std::move(below)),
        settings_(std::move(settings)),
        events_(std::move(events)),
        handshake_(std::make_shared<Handshake>()) {
    handshake_->stream = this;
  }
  ~Impl() override {
    if (handshake_ != nullptr) handshake_->stream = nullptr;
  }

  std::span<std::byte> on_alloc() override;
  void on_read(size_t n) override;
  void on_writable() override;
  void on_end(int sys_errno, uint16_t code, std::string_view why) override;

  bool greet(std::string_view text);
  size_t write(std::span<const iovec> parts);
  bool begun() const { return begun_; }
  size_t held_bytes() const { return held_.size() - held_sent_; }
  void pause();
  void resume();
  void start(StreamHandler* handler) {
    handler_ = handler;
    below_->start(this);
  }
  void close(uint16_t code, std::string_view why);
  const PeerAddress& peer() const { return below_->peer(); }

 private:
  // hello: the peer's first byte decides. handshake: it said TLS. plain: it did not, and may.
  // broken: nothing can be said any more.
  enum class State : uint8_t { hello, handshake, open, plain, broken, closed };

  // The loop's until a step begins, then the worker's until it is posted back.
  struct Handshake {
    std::unique_ptr<TlsSession> session;
    std::string in, out;
    Status status = Status::want_input;
    TlsHandshakes::Place place;
    Impl* stream;  // the loop's always; null: gone
  };

  void first_byte();
  void advance();
  void stepped();
  void open();
  void open_plain();
  bool can_read() const { return !paused_ && !ended_; }
  void read_records(std::string_view in);
  void send_below(std::string_view bytes);
  bool flush_held();
  void read_below(bool on);
  void fail(std::string why);

  std::unique_ptr<ByteStream> below_;
  Settings settings_;
  Events events_;
  StreamHandler* handler_ = nullptr;
  std::shared_ptr<Handshake> handshake_;  // null once it is over
  std::unique_ptr<TlsSession> session_;
  std::string rest_;  // read and not used yet: reading was paused
  std::string held_;  // taken and not sent yet
  size_t held_sent_ = 0;
  State state_ = State::hello;
  bool begun_ = false;         // the peer's first byte said TLS
  bool working_ = false;       // a step runs, or a place for the first is waited for
  bool reading_ = false;       // read_records() or resume() is at it
  bool unfinished_ = false;    // the session may give more without more input
  bool ended_ = false;         // no more will come, as the handler knows
  bool paused_ = false;        // by the handler
  bool below_paused_ = false;  // by us
  bool starved_ = false;       // the handler waits for on_writable()
};

std::span<std::byte> TlsStream::Impl::on_alloc() {
  if (state_ == State::plain) return handler_->on_alloc();
  return settings_.scratch->read_room();
}

void TlsStream::Impl::on_read(size_t n) {
  if (state_ == State::plain) return handler_->on_read(n);
  const std::string_view bytes(reinterpret_cast<const char*>(settings_.scratch->read_room().data()),
                               n);
  if (state_ == State::open) return read_records(bytes);
  if (n == 0 || (state_ != State::hello && state_ != State::handshake)) return;
  handshake_->in.append(bytes);
  if (state_ == State::hello) first_byte();
  if (state_ == State::handshake) advance();
}

void TlsStream::Impl::first_byte() {
  if (handshake_->in.front() == kHandshakeRecord) {
    state_ = State::handshake;
    begun_ = true;
    if (events_.on_hello) events_.on_hello();
  } else if (settings_.allow_plain) {
    open_plain();
  } else {
    send_below(settings_.plain_answer);
    fail("first record does not look like a TLS handshake");
  }
}

// Takes the next step, if there is something to step on.
void TlsStream::Impl::advance() {
  if (working_ || !worth_a_step(handshake_->in)) return;
  working_ = true;
  read_below(false);
  const std::shared_ptr<Handshake> own = handshake_;
  if (!own->place) {
    settings_.handshakes->enter([own, post = settings_.post](TlsHandshakes::Place place) {
      // A function has to be copyable, a place is not.
      auto given = std::make_shared<TlsHandshakes::Place>(std::move(place));
      post([own, given] {
        if (own->stream == nullptr) return;
        own->place = std::move(*given);
        own->stream->working_ = false;
        own->stream->advance();
      });
    });
    return;
  }
  settings_.handshakes->run([own, context = settings_.context, post = settings_.post] {
    if (own->session == nullptr) own->session = TlsSession::make(context);
    if (own->session == nullptr) {
      own->status = Status::failed;
    } else {
      std::string_view in = own->in;
      own->status = own->session->handshake(in, own->out);
      own->in.erase(0, own->in.size() - in.size());
    }
    post([own] {
      if (own->stream != nullptr) own->stream->stepped();
    });
  });
}

void TlsStream::Impl::stepped() {
  working_ = false;
  if (state_ != State::handshake) return;
  send_below(std::exchange(handshake_->out, {}));
  switch (handshake_->status) {
    case Status::done:
      return open();
    case Status::want_input:
      read_below(true);
      return;
    case Status::closed:
      return fail("the peer ended TLS");
    case Status::failed:
      return fail(handshake_->session ? handshake_->session->fault() : "no memory for TLS");
  }
}

void TlsStream::Impl::open() {
  state_ = State::open;
  session_ = std::move(handshake_->session);
  rest_ = std::move(handshake_->in);
  handshake_->stream = nullptr;
  handshake_.reset();
  unfinished_ = true;
  const TlsPeer peer = session_->peer();
  if (const auto on_open = std::exchange(events_.on_open, nullptr)) on_open(&peer);
  if (state_ == State::open && held_.empty() && std::exchange(starved_, false))
    handler_->on_writable();
  if (state_ == State::open && can_read()) read_records(std::exchange(rest_, {}));
}

void TlsStream::Impl::open_plain() {
  state_ = State::plain;
  rest_ = std::move(handshake_->in);
  handshake_->stream = nullptr;
  handshake_.reset();
  if (const auto on_open = std::exchange(events_.on_open, nullptr)) on_open(nullptr);
  if (state_ == State::plain && held_.empty() && std::exchange(starved_, false))
    handler_->on_writable();
  if (state_ != State::plain) return;
  if (paused_)
    read_below(false);
  else
    resume();
}

void TlsStream::Impl::read_records(std::string_view in) {
  reading_ = true;
  Status status = Status::done;
  std::string fault;
  while (state_ == State::open && can_read() && status == Status::done) {
    const std::span<std::byte> room = handler_->on_alloc();
    size_t filled = 0;
    std::string said;  // alerts: rare
    do {
      size_t got = 0;
      status = session_->read(in, room.subspan(filled), got, said);
      filled += got;
    } while (status == Status::done && filled < room.size());
    if (status == Status::failed) fault = session_->fault();
    send_below(said);
    if (held_bytes() > kMaxHeld) {
      status = Status::failed;
      fault = "the peer provokes alerts and reads none";
    }
    handler_->on_read(filled);
  }
  reading_ = false;
  if (state_ != State::open) return;
  unfinished_ = status == Status::done;
  rest_ = std::string(in);
  read_below(can_read() && !unfinished_);
  if (status == Status::closed) {
    ended_ = true;
    read_below(false);
    handler_->on_end(0, 0, {});
  } else if (status == Status::failed) {
    fail(std::move(fault));
  }
}

void TlsStream::Impl::fail(std::string why) {
  state_ = State::broken;
  ended_ = true;
  read_below(false);
  events_ = {};
  handler_->on_end(EPROTO, 0, why);
}

void TlsStream::Impl::read_below(bool on) {
  if (below_paused_ == !on) return;
  below_paused_ = !on;
  if (on)
    below_->resume_reading();
  else
    below_->pause_reading();
}

// What the stream below does not take is held.
void TlsStream::Impl::send_below(std::string_view bytes) {
  if (bytes.empty()) return;
  size_t sent = 0;
  if (held_.empty()) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    sent = below_->write({&part, 1});
  }
  held_.append(bytes.substr(sent));
}

bool TlsStream::Impl::flush_held() {
  while (held_sent_ < held_.size()) {
    const iovec part{held_.data() + held_sent_, held_.size() - held_sent_};
    const size_t sent = below_->write({&part, 1});
    if (sent == 0) return false;
    held_sent_ += sent;
  }
  held_ = std::string();
  held_sent_ = 0;
  return true;
}

void TlsStream::Impl::on_writable() {
  if (state_ == State::closed || !flush_held()) return;
  if (state_ != State::open && state_ != State::plain) return;
  if (std::exchange(starved_, false)) handler_->on_writable();
}

void TlsStream::Impl::on_end(int sys_errno, uint16_t, std::string_view why) {
  if (ended_ || state_ == State::closed) return;
  ended_ = true;
  const bool early = state_ == State::hello || state_ == State::handshake;
  if (early || sys_errno != 0) state_ = State::broken;
  events_ = {};
  handler_->on_end(sys_errno, 0, early && why.empty() ? "EOF" : why);
}

bool TlsStream::Impl::greet(std::string_view text) {
  if (state_ != State::hello) return false;
  send_below(text);
  return true;
}

size_t TlsStream::Impl::write(std::span<const iovec> parts) {
  const size_t total = sum_of(parts);
  if (state_ == State::broken || state_ == State::closed) return total;  // nobody shall wait
  if ((state_ != State::open && state_ != State::plain) || !held_.empty()) {
    starved_ = starved_ || total > 0;
    return 0;
  }
  if (state_ == State::plain) {
    const size_t taken = below_->write(parts);
    if (taken < total) starved_ = true;
    return taken;
  }
  TlsScratch& scratch = *settings_.scratch;
  const size_t record = session_->max_plain();
  Rest rest(parts);
  size_t taken = 0;
  while (taken < total && held_.empty()) {
    scratch.cipher.clear();
    while (taken < total && scratch.cipher.size() < kBatch) {
      const std::string_view plain = rest.take(std::min(record, total - taken), scratch.plain);
      // No peer can bring this about; if memory does, the owner's own deadlines end the connection.
      if (!session_->write(plain, scratch.cipher)) return total;
      taken += plain.size();
    }
    send_below(scratch.cipher);
  }
  if (taken < total) starved_ = true;
  return taken;
}

void TlsStream::Impl::pause() {
  paused_ = true;
  if (state_ == State::open || state_ == State::plain) read_below(false);
}

void TlsStream::Impl::resume() {
  paused_ = false;
  if (reading_ || ended_) return;  // from inside a callback: that loop goes on
  if (state_ == State::plain) {
    reading_ = true;
    while (!rest_.empty() && can_read() && state_ == State::plain) {
      const std::span<std::byte> room = handler_->on_alloc();
      const size_t count = std::min(room.size(), rest_.size());
      std::memcpy(room.data(), rest_.data(), count);
      rest_.erase(0, count);
      handler_->on_read(count);
    }
    reading_ = false;
    if (state_ == State::plain) read_below(can_read());
  } else if (state_ == State::open) {
    if (unfinished_ || !rest_.empty())
      read_records(std::exchange(rest_, {}));
    else
      read_below(true);
  }
}

void TlsStream::Impl::close(uint16_t code, std::string_view why) {
  if (state_ == State::closed) return;
  const State was = std::exchange(state_, State::closed);
  events_ = {};
  if (was == State::open) {
    std::string goodbye;
    session_->close(goodbye);
    send_below(goodbye);
  }
  flush_held();
  held_ = std::string();
  held_sent_ = 0;
  rest_ = std::string();
  if (handshake_ != nullptr) {
    handshake_->stream = nullptr;
    // Who waits in line is not remembered there with all that it sent.
    if (!working_ || !handshake_->place) handshake_->in = std::string();
    handshake_.reset();
  }
  below_->close(code, why);
}

TlsStream::TlsStream(std::unique_ptr<ByteStream> below, Settings settings, Events events)
    : impl_(std::make_unique<Impl>(std::move(below), std::move(settings), std::move(events))) {}
TlsStream::~TlsStream() = default;

bool TlsStream::greet(std::string_view text) { return impl_->greet(text); }
bool TlsStream::begun() const { return impl_->begun(); }
size_t TlsStream::write(std::span<const iovec> parts) { return impl_->write(parts); }
size_t TlsStream::held_bytes() const { return impl_->held_bytes(); }
void TlsStream::pause_reading() { impl_->pause(); }
void TlsStream::resume_reading() { impl_->resume(); }
void TlsStream::start(StreamHandler* handler) { impl_->start(handler); }
void TlsStream::close(uint16_t code, std::string_view why) { impl_->close(code, why); }
const PeerAddress& TlsStream::peer() const { return impl_->peer(); }

}  // namespace pipit::net
