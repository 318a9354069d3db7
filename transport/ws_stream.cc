#include "transport/ws_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "pipit_config.h"
#include "transport/http_head.h"
#include "transport/ws_frame.h"
#include "transport/ws_reader.h"
#include "transport/ws_scratch.h"
#include "transport/ws_writer.h"

namespace pipit::net {
namespace {

// While so few bytes came each new one is looked at, to see early who does not speak HTTP; later a
// line end is waited for.
constexpr size_t kEagerHead = 64;

std::string plain_answer(std::string_view status) {
  std::string text = "HTTP/1.1 ";
  text.append(status).append("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n");
  text.append("Content-Length: ").append(std::to_string(status.size())).append("\r\n\r\n");
  return text.append(status);
}

}  // namespace

const bool kWsFastLane = PIPIT_WS_FAST_LANE;

WsScratch::WsScratch() : impl_(std::make_unique<Impl>()) {}
WsScratch::~WsScratch() = default;
void WsScratch::forget_shared() { impl_->shared.forget(); }
uint64_t WsScratch::messages_deflated() const { return impl_->deflated; }

class WsStream::Impl final : public StreamHandler, public FrameSharer {
 public:
  Impl(std::unique_ptr<ByteStream> below, Settings settings, OnOpen on_open)
      : below_(std::move(below)),
        settings_(settings),
        on_open_(std::move(on_open)),
        writer_(*below_, settings.scratch->impl()),
        reader_(writer_, settings.scratch->impl()) {}

  std::span<std::byte> on_alloc() override;
  void on_read(size_t n) override;
  void on_writable() override;
  void on_end(int sys_errno, uint16_t code, std::string_view why) override;

  void start(StreamHandler* handler) {
    handler_ = handler;
    below_->start(this);
  }
  size_t write(std::span<const iovec> parts);
  void pause();
  void resume();
  void close(uint16_t code, std::string_view why);
  void trust() { reader_.trust(); }
  FrameSharer* sharer() { return writer_.compresses() ? this : nullptr; }
  SharedFrames share(const SlabRef& slab, std::string_view payload,
                     std::string_view suffix) override {
    return writer_.share(slab, payload, suffix);
  }
  size_t write_shared(std::span<const iovec> text, std::string_view frames) override;
  size_t held_bytes() const { return writer_.held_bytes(); }
  const PeerAddress& peer() const { return below_->peer(); }

 private:
  enum class State : uint8_t { handshake, open, ended, closed };

  void read_head(size_t n);
  void open(const WsUpgrade& upgrade);
  void refuse(WsUpgrade upgrade);
  void after_reading();
  void read_below(bool on);

  std::unique_ptr<ByteStream> below_;
  Settings settings_;
  OnOpen on_open_;
  StreamHandler* handler_ = nullptr;
  WsWriter writer_;
  WsReader reader_;
  std::string head_;  // of the request, what earlier reads brought of it
  State state_ = State::handshake;
  bool paused_ = false;        // by the handler
  bool below_paused_ = false;  // by us
  bool starved_ = false;  // the handler waits for on_writable()
};

std::span<std::byte> WsStream::Impl::on_alloc() {
  if (state_ != State::handshake) return reader_.alloc();
  // Heads arrive whole as a rule: what is read lands in the loop's one buffer, behind what an
  // earlier read left, and costs this stream nothing.
  std::string& request = settings_.scratch->impl().request;
  request.resize(kMaxHttpHead);
  std::memcpy(request.data(), head_.data(), head_.size());
  return {reinterpret_cast<std::byte*>(request.data()) + head_.size(), kMaxHttpHead - head_.size()};
}

void WsStream::Impl::on_read(size_t n) {
  if (state_ == State::handshake) return read_head(n);
  reader_.read(n);
  after_reading();
}

void WsStream::Impl::read_head(size_t n) {
  if (n == 0) return;
  const std::string_view bytes(settings_.scratch->impl().request.data(), head_.size() + n);
  if (bytes.size() > kEagerHead && bytes.size() < kMaxHttpHead &&
      bytes.find('\n', head_.size()) == std::string_view::npos) {
    head_ = std::string(bytes);
    return;
  }
  HttpHead head;
  size_t size = 0;
  WsUpgrade upgrade;
  switch (parse_http_head(bytes, head, size)) {
    case HttpParse::need_more: head_ = std::string(bytes); return;
    case HttpParse::done: upgrade = ws_handshake(head, bytes.substr(size), *settings_.rules); break;
    case HttpParse::bad:
      upgrade.response = plain_answer("400 Bad Request");
      upgrade.reason = "malformed HTTP request";
      break;
    case HttpParse::too_large:
      upgrade.response = plain_answer("431 Request Header Fields Too Large");
      upgrade.reason = "HTTP request head too large";
      break;
  }
  head_ = std::string();
  if (upgrade.accepted)
    open(upgrade);
  else
    refuse(std::move(upgrade));
}

void WsStream::Impl::open(const WsUpgrade& upgrade) {
  state_ = State::open;
  writer_.set_rules({upgrade.compression, upgrade.server_max_window_bits, upgrade.browser,
                     upgrade.safari});
  reader_.open(handler_, {settings_.fast_lane, upgrade.compression, upgrade.no_masking,
                          settings_.max_message, settings_.untrusted_max});
  writer_.write_raw(upgrade.response);
  std::exchange(on_open_, nullptr)(upgrade);
  if (state_ != State::open) return;
  if (paused_) read_below(false);
  if (writer_.held_bytes() == 0 && std::exchange(starved_, false)) handler_->on_writable();
}

void WsStream::Impl::refuse(WsUpgrade upgrade) {
  state_ = State::ended;
  read_below(false);
  if (!upgrade.response.empty()) writer_.write_raw(upgrade.response);
  std::exchange(on_open_, nullptr)(upgrade);
  if (state_ == State::ended) handler_->on_end(0, 0, upgrade.reason);
}

// Pongs go out, and the handler learns of an end once it has the bytes before it.
void WsStream::Impl::after_reading() {
  if (state_ != State::open) return;
  writer_.flush();
  if (!reader_.end() || paused_) return read_below(!paused_ && !reader_.unfinished());
  state_ = State::ended;
  read_below(false);
  handler_->on_end(0, reader_.end()->code, reader_.end()->why);
}

void WsStream::Impl::read_below(bool on) {
  if (below_paused_ == !on) return;
  below_paused_ = !on;
  if (on)
    below_->resume_reading();
  else
    below_->pause_reading();
}

void WsStream::Impl::on_writable() {
  if (state_ != State::open && state_ != State::ended) return;
  if (!writer_.flush()) return;
  if (std::exchange(starved_, false)) handler_->on_writable();
}

void WsStream::Impl::on_end(int sys_errno, uint16_t, std::string_view why) {
  if (state_ != State::handshake && state_ != State::open) return;
  state_ = State::ended;
  reader_.stop();
  head_ = std::string();
  handler_->on_end(sys_errno, 0, why);
}

size_t WsStream::Impl::write(std::span<const iovec> parts) {
  const size_t total = size_of(parts);
  if (state_ == State::closed) return total;
  size_t taken = state_ == State::handshake ? 0 : writer_.write(parts);
  if (taken < total) starved_ = true;
  return taken;
}

size_t WsStream::Impl::write_shared(std::span<const iovec> text, std::string_view frames) {
  const size_t total = size_of(text) + frames.size();
  if (state_ == State::closed) return total;
  const size_t taken = writer_.write_shared(text, frames);
  if (taken < total) starved_ = true;
  return taken;
}

void WsStream::Impl::pause() {
  paused_ = true;
  reader_.set_paused(true);
  if (state_ == State::open) read_below(false);
}

void WsStream::Impl::resume() {
  paused_ = false;
  reader_.set_paused(false);
  if (state_ != State::open || reader_.running()) return;
  if (reader_.unfinished()) reader_.resume();
  after_reading();
}

void WsStream::Impl::close(uint16_t code, std::string_view why) {
  if (state_ == State::closed) return;
  const State was = std::exchange(state_, State::closed);
  reader_.stop();
  if (was == State::handshake)
    writer_.write_raw(plain_answer("408 Request Timeout"));
  else if (reader_.end())
    writer_.close(reader_.end()->goodbye);
  else if (was == State::open)
    writer_.close(ws_close_payload(code, why));
  below_->close(code, why);
}

WsStream::WsStream(std::unique_ptr<ByteStream> below, Settings settings, OnOpen on_open)
    : impl_(std::make_unique<Impl>(std::move(below), settings, std::move(on_open))) {}
WsStream::~WsStream() = default;

size_t WsStream::write(std::span<const iovec> parts) { return impl_->write(parts); }
size_t WsStream::held_bytes() const { return impl_->held_bytes(); }
void WsStream::pause_reading() { impl_->pause(); }
void WsStream::resume_reading() { impl_->resume(); }
void WsStream::trust() { impl_->trust(); }
FrameSharer* WsStream::sharer() { return impl_->sharer(); }
void WsStream::start(StreamHandler* handler) { impl_->start(handler); }
void WsStream::close(uint16_t code, std::string_view why) { impl_->close(code, why); }
const PeerAddress& WsStream::peer() const { return impl_->peer(); }

}  // namespace pipit::net
