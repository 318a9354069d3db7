// A WebSocket echo server around WsStream, for conformance.py: each message comes back as it was sent,
// text or binary. Prints its port. Both lanes, whatever the build's default: --wslay.
//
// A broker's WebSocket is a stream of bytes: it knows no messages, and text may be any bytes. What an
// echo needs beyond that is added here, by standing between the socket and WsStream (FrameTap): bytes
// are handed on up to the end of a frame at a time, so whatever WsStream has said by then belongs to
// the message of that frame; and the opcode of what it writes is changed to text where it has to be.
#include <cstdio>
#include <cstring>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "transport/loop.h"
#include "transport/tcp_listener.h"
#include "transport/tcp_stream.h"
#include "transport/ws_frame.h"
#include "transport/ws_stream.h"

using namespace pipit;
using namespace pipit::net;

namespace {

// UTF-8 (RFC 3629) in pieces.
class Utf8 {
 public:
  bool take(std::string_view bytes) {
    for (char c : bytes)
      if (!take(static_cast<uint8_t>(c))) return false;
    return true;
  }
  bool complete() const { return more_ == 0; }

 private:
  bool take(uint8_t byte) {
    if (more_ > 0) {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
      --more_;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    more_ = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    // What would be overlong, a surrogate or past U+10FFFF.
    low_ = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
    high_ = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
    return true;
  }
  int more_ = 0;
  uint8_t low_ = 0x80, high_ = 0xbf;
};

class FrameTap final : public ByteStream, private StreamHandler {
 public:
  class Listener {
   public:
    // Before and after the bytes of a frame went to the stream above.
    virtual void frame_begins(const WsHead& head) = 0;
    virtual void frame_ends(const WsHead& head) = 0;

   protected:
    ~Listener() = default;
  };

  FrameTap(std::unique_ptr<ByteStream> below, Listener& listener)
      : below_(std::move(below)), listener_(listener) {}

  void upgraded() { upgraded_ = true; }
  void send_text(bool text) { text_ = text; }
  bool finished() const { return finished_; }

  // Everything is taken; what does not fit waits here.
  size_t write(std::span<const iovec> parts) override {
    const size_t begin = out_.size();
    for (const iovec& part : parts) out_.append(static_cast<char*>(part.iov_base), part.iov_len);
    // A write begins with a frame: none is ever cut short.
    if (upgraded_ && text_ && out_.size() > begin && (out_[begin] & 15) == kWsBinary)
      out_[begin] = static_cast<char>(out_[begin] - (kWsBinary - kWsText));
    const size_t total = out_.size() - begin;
    flush();
    return total;
  }
  void pause_reading() override { below_->pause_reading(); }
  void resume_reading() override { below_->resume_reading(); }
  void start(StreamHandler* handler) override {
    above_ = handler;
    below_->start(this);
  }
  void close(uint16_t, std::string_view) override {
    above_ = nullptr;
    flush();
  }
  const PeerAddress& peer() const override { return below_->peer(); }

 private:
  std::span<std::byte> on_alloc() override { return {reinterpret_cast<std::byte*>(in_), sizeof in_}; }
  void on_read(size_t n) override { take({in_, n}); }
  void on_writable() override { flush(); }
  void on_end(int sys_errno, uint16_t, std::string_view why) override {
    out_.clear();
    finished_ = true;
    if (above_ != nullptr) above_->on_end(sys_errno, 0, why);
  }

  void flush() {
    if (finished_) return;
    iovec part{out_.data() + sent_, out_.size() - sent_};
    sent_ += part.iov_len > 0 ? below_->write({&part, 1}) : 0;
    if (sent_ < out_.size()) return;
    out_.clear();
    sent_ = 0;
    if (above_ != nullptr) return;
    finished_ = true;
    below_->close(0, "");
  }

  void take(std::string_view bytes) {
    while (!bytes.empty() && above_ != nullptr) {
      if (!upgraded_) {
        hand_on(bytes);
        return;
      }
      // The head byte by byte, then as much of the payload as there is.
      size_t count = 1;
      if (in_payload_) {
        count = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
        left_ -= count;
      } else {
        head_bytes_[head_size_++] = static_cast<uint8_t>(bytes[0]);
        if (head_size_ >= 2 && head_size_ == ws_head_size(head_bytes_)) {
          head_ = parse_ws_head(head_bytes_);
          in_payload_ = true;
          left_ = head_.length;
          listener_.frame_begins(head_);
        }
      }
      hand_on(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (!in_payload_ || left_ > 0) continue;
      in_payload_ = false;
      head_size_ = 0;
      if (above_ != nullptr) listener_.frame_ends(head_);
    }
  }

  void hand_on(std::string_view bytes) {
    while (!bytes.empty() && above_ != nullptr) {
      std::span<std::byte> room = above_->on_alloc();
      const size_t count = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), count);
      bytes.remove_prefix(count);
      above_->on_read(count);
    }
  }

  std::unique_ptr<ByteStream> below_;
  Listener& listener_;
  StreamHandler* above_ = nullptr;
  WsHead head_;
  uint8_t head_bytes_[kWsMaxHead];
  size_t head_size_ = 0;
  uint64_t left_ = 0;
  bool upgraded_ = false, in_payload_ = false, text_ = false, finished_ = false;
  std::string out_;
  size_t sent_ = 0;  // of out_
  char in_[64 * 1024];
};

class Echo final : private StreamHandler, public FrameTap::Listener {
 public:
  Echo(std::unique_ptr<ByteStream> socket, const WsHandshakeRules& rules, WsScratch& scratch,
       bool fast_lane) {
    auto tap = std::make_unique<FrameTap>(std::move(socket), *this);
    tap_ = tap.get();
    stream_ = std::make_unique<WsStream>(
        std::move(tap),
        WsStream::Settings{.rules = &rules, .scratch = &scratch, .max_message = 64 << 20,
                           .fast_lane = fast_lane},
        [this](const WsUpgrade& upgrade) {
          if (upgrade.accepted) tap_->upgraded();
        });
    stream_->start(this);
    stream_->trust();
  }
  bool finished() const { return tap_->finished(); }

 private:
  std::span<std::byte> on_alloc() override { return buffer_; }
  void on_read(size_t n) override {
    const std::string_view bytes(reinterpret_cast<const char*>(buffer_), n);
    message_.append(bytes);
    if (opcode_ == kWsText && !utf8_.take(bytes)) refuse();
  }
  void on_writable() override {}
  void on_end(int, uint16_t, std::string_view) override { stream_->close(1000, ""); }

  void frame_begins(const WsHead& head) override {
    if (head.opcode() == kWsText || head.opcode() == kWsBinary) opcode_ = head.opcode();
  }
  void frame_ends(const WsHead& head) override {
    if (head.control() || !head.fin()) return;
    if (opcode_ == kWsText && !utf8_.complete()) return refuse();
    tap_->send_text(opcode_ == kWsText);
    iovec part{message_.data(), message_.size()};
    char empty[] = {static_cast<char>(kWsFin | kWsBinary), 0};
    if (message_.empty()) {  // nothing to a stream of bytes
      part = {empty, sizeof empty};
      tap_->write({&part, 1});
    } else {
      stream_->write({&part, 1});
    }
    message_.clear();
    utf8_ = {};
  }
  void refuse() { stream_->close(1007, "invalid UTF-8"); }

  FrameTap* tap_;
  std::unique_ptr<WsStream> stream_;
  std::string message_;
  Utf8 utf8_;
  uint8_t opcode_ = 0;
  std::byte buffer_[64 * 1024];
};

}  // namespace

int main(int argc, char** argv) {
  const bool fast_lane = kWsFastLane && !(argc > 1 && std::strcmp(argv[1], "--wslay") == 0);
  WsHandshakeRules rules;
  rules.compression = true;
  WsScratch scratch;
  Loop loop;
  TcpListener listener;
  std::list<Echo> echoes;
  if (!listener.bind("127.0.0.1", 0)) return 1;
  listener.start(loop, [&](int fd, PeerAddress peer) {
    echoes.emplace_back(std::make_unique<TcpStream>(loop, fd, std::move(peer)), rules, scratch,
                        fast_lane);
  });
  loop.set_phases([&] { echoes.remove_if([](const Echo& echo) { return echo.finished(); }); },
                  [] {});
  std::printf("%d\n", listener.port());
  std::fflush(stdout);
  loop.run();
}
