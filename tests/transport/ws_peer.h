// A WebSocket over a pipe in memory, and the client at its other end, who builds frames by hand.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/ws_frame.h"
#include "transport/memory_stream.h"
#include "transport/ws_stream.h"

namespace pipit::net {

// The handler on top: remembers what it was told, and closes when told of an end, as a server does.
class WsRecorder : public StreamHandler {
 public:
  explicit WsRecorder(size_t buffer_size = 4096) : buffer_(buffer_size) {}
  std::span<std::byte> on_alloc() override {
    ++open_allocs;
    return buffer_;
  }
  void on_read(size_t n) override {
    --open_allocs;
    received.append(reinterpret_cast<const char*>(buffer_.data()), n);
    if (when_read) when_read();
  }
  void on_writable() override {
    ++writables;
    if (when_writable) when_writable();
  }
  void on_end(int sys_errno, uint16_t code, std::string_view why) override {
    ++ends;
    end_errno = sys_errno;
    end_code = code;
    end_why = why;
    if (when_end) when_end();
  }

  std::string received, end_why;
  int open_allocs = 0;  // 0 between callbacks
  int writables = 0, ends = 0, end_errno = -1;
  uint16_t end_code = 0;
  std::function<void()> when_read, when_writable, when_end;

 private:
  std::vector<std::byte> buffer_;
};

struct WsPeer {
  struct Setup {
    WsHandshakeRules rules = {};
    bool fast_lane = kWsFastLane;
    size_t max_message = 1 << 20;
    size_t buffer_size = 4096;
    bool trusted = true;
  };

  WsPeer() : WsPeer(Setup()) {}
  // `shared`: of a loop with more than this peer on it.
  explicit WsPeer(Setup setup, WsScratch* shared = nullptr)
      : rules(std::move(setup.rules)), handler(setup.buffer_size) {
    auto below = std::make_unique<MemoryStream>();
    wire = below.get();
    stream = std::make_unique<WsStream>(
        std::move(below),
        WsStream::Settings{&rules, shared != nullptr ? shared : &scratch, setup.max_message, setup.fast_lane},
        [this](const WsUpgrade& upgrade) { opened = upgrade; });
    handler.when_end = [this] { stream->close(1000, "ended"); };
    stream->start(&handler);
    if (setup.trusted) stream->trust();
  }

  // The upgrade, with more header lines; the answer is in `response`.
  void upgrade(std::string_view extra = "") {
    wire->feed(test::upgrade_request("/", extra));
    response = std::exchange(wire->written(), {});
  }
  void send(const test::WsFrame& frame) { wire->feed(frame.bytes()); }
  void send(std::string_view payload) { send(test::WsFrame{.payload = std::string(payload)}); }
  // The next frame that the server sent.
  std::optional<test::WsFrame> take() { return test::take_frame(wire->written()); }
  size_t write(std::string_view bytes) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    return stream->write({&part, 1});
  }

  WsHandshakeRules rules;
  WsScratch scratch;
  WsRecorder handler;
  MemoryStream* wire = nullptr;
  std::unique_ptr<WsStream> stream;
  std::optional<WsUpgrade> opened;
  std::string response;
};

}  // namespace pipit::net
