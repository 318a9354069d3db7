#include "tests/golden/process_peer.h"

#include <signal.h>

#include <utility>

#include "tests/support/tcp_client.h"
#include "tests/support/ws_frame.h"

namespace pipit::golden {
namespace {

using test::Deadline;
using test::TcpClient;
using test::WsFrame;

class TcpWire final : public Wire {
 public:
  TcpWire(TcpClient client, uint16_t port, size_t piece)
      : client_(std::move(client)), port_(port), piece_(piece) {}

  void send(std::string_view bytes) override { client_.send(bytes, piece_); }
  Got receive(std::string& into, Deadline deadline) override {
    switch (client_.receive(into, deadline)) {
      case TcpClient::Got::bytes:
        return Got::bytes;
      case TcpClient::Got::closed:
        return Got::closed;
      case TcpClient::Got::nothing:
        break;
    }
    return Got::nothing;
  }
  void hang_up() override { client_.close(); }
  uint16_t server_port() const override { return port_; }

 private:
  TcpClient client_;
  uint16_t port_;
  size_t piece_;
};

// The client's protocol inside WebSocket frames: one binary message a send.
class WebsocketWire final : public Wire {
 public:
  WebsocketWire(std::unique_ptr<Wire> raw, bool compress)
      : raw_(std::move(raw)), compress_(compress) {}

  bool upgrade(Deadline deadline) {
    raw_->send(test::upgrade_request(
        "/", compress_ ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : ""));
    size_t end;
    while ((end = in_.find("\r\n\r\n")) == std::string::npos)
      if (raw_->receive(in_, deadline) != Got::bytes) return false;
    std::string head = in_.substr(0, end);
    in_.erase(0, end + 4);
    bool compressed = head.find("permessage-deflate") != std::string::npos;
    return head.starts_with("HTTP/1.1 101 ") && compressed == compress_ &&
           head.find(test::kUpgradeAccept) != std::string::npos;
  }

  void send(std::string_view bytes) override {
    WsFrame frame;
    frame.rsv = compress_ ? 4 : 0;
    frame.payload = compress_ ? test::deflate_message(bytes) : std::string(bytes);
    raw_->send(frame.bytes());
  }

  Got receive(std::string& into, Deadline deadline) override {
    size_t before = into.size();
    for (;;) {
      while (auto frame = test::take_frame(in_)) {
        if (!take(*frame, into)) return Got::closed;
      }
      if (into.size() > before) return Got::bytes;
      if (Got got = raw_->receive(in_, deadline); got != Got::bytes) return got;
    }
  }

  void hang_up() override { raw_->hang_up(); }
  uint16_t server_port() const override { return raw_->server_port(); }
  std::optional<Goodbye> goodbye() const override { return goodbye_; }

 private:
  // False: that was the end, or not what a server may send.
  bool take(const WsFrame& frame, std::string& into) {
    if (frame.masked) return false;
    if (frame.op == test::kWsClose) {
      goodbye_ = Goodbye{test::close_code(frame.payload),
                         frame.payload.size() > 2 ? frame.payload.substr(2) : ""};
      return true;  // the connection is closed by what follows: nothing
    }
    message_ += frame.payload;
    compressed_ |= frame.rsv == 4;
    if (!frame.fin) return true;
    auto plain = compressed_ ? test::inflate_message(message_) : std::move(message_);
    message_.clear();
    compressed_ = false;
    if (plain) into += *plain;
    return plain.has_value();
  }

  std::unique_ptr<Wire> raw_;
  std::string in_, message_;
  std::optional<Goodbye> goodbye_;
  bool compress_, compressed_ = false;
};

}  // namespace

bool ProcessPeer::can_run(const Transcript& transcript) const {
  // What speaks to the WebSocket port by itself is the same whatever the other clients use.
  return setup_.transport == ProcessSetup::Transport::tcp || !transcript.uses_websocket_port;
}

std::string ProcessPeer::start(const Transcript& transcript, Deadline deadline) {
  bool compression = setup_.transport == ProcessSetup::Transport::compressed_websocket;
  std::string config =
      transcript.config_text(tags(), setup_.reactors, compression, setup_.tls_config);
  return process_.start(setup_.binary, config, deadline);
}

std::unique_ptr<Wire> ProcessPeer::dial_client(Deadline deadline) {
  if (setup_.transport == ProcessSetup::Transport::tcp) {
    auto client = TcpClient::dial(process_.client_port());
    if (!client) return nullptr;
    auto wire = std::make_unique<TcpWire>(std::move(*client), process_.client_port(),
                                          setup_.split ? 1 : SIZE_MAX);
    if (!setup_.secure) return wire;
    return setup_.secure(std::move(wire), true, deadline);
  }
  std::unique_ptr<Wire> raw = dial_websocket(deadline);
  if (!raw) return nullptr;
  auto wire = std::make_unique<WebsocketWire>(
      std::move(raw), setup_.transport == ProcessSetup::Transport::compressed_websocket);
  if (!wire->upgrade(deadline)) return nullptr;
  return wire;
}

std::unique_ptr<Wire> ProcessPeer::dial_websocket(Deadline deadline) {
  auto client = TcpClient::dial(process_.websocket_port());
  if (!client) return nullptr;
  auto wire = std::make_unique<TcpWire>(std::move(*client), process_.websocket_port(),
                                        setup_.split ? 1 : SIZE_MAX);
  if (!setup_.secure) return wire;
  return setup_.secure(std::move(wire), false, deadline);
}

void ProcessPeer::lame_duck() { process_.signal(SIGUSR2); }

std::string ProcessPeer::stop(Deadline deadline) {
  // The genuine server's way to end is not ours to judge, and its grace costs time.
  if (tags().contains("genuine")) {
    process_.kill();
    return {};
  }
  return process_.stop(SIGINT, deadline);
}

}  // namespace pipit::golden
