// SmallBroker: a whole broker on the test's own thread: reactors that run when the test says so, a
// clock that stands still, and clients that are pipes in memory. What the reactors do between two
// steps, and in which order they do it, is the test's choice.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/broker.h"
#include "server/identity.h"
#include "server/reactor.h"
#include "tests/sim/sim_client.h"
#include "transport/ws_stream.h"

namespace pipit::test {

class SmallBroker {
 public:
  using Pipe = std::shared_ptr<net::MemoryStream>;

  explicit SmallBroker(uint32_t reactors, Options options = {}) : broker(std::move(options)) {
    now_ns() = kNsPerSecond;
    std::vector<Mailbox*> mailboxes;
    for (uint32_t i = 0; i < reactors; ++i) {
      reactors_.push_back(std::make_unique<Reactor>(
          broker, static_cast<uint16_t>(i), reactors, [] {}, &clock, Random(i + 1)));
      broker.reactors.push_back(reactors_.back().get());
      mailboxes.push_back(&reactors_.back()->mailbox());
    }
    for (Mailbox* mailbox : mailboxes) mailbox->connect(mailboxes);
    broker.build_infos(4222, 8080);
  }
  ~SmallBroker() {
    for (auto& reactor : reactors_) {
      reactor->awake();
      reactor->close_all(proto::CloseReason::server_shutdown);
    }
    settle();
  }

  static int64_t& now_ns() {
    static int64_t now = 0;
    return now;
  }
  Reactor& operator[](size_t i) { return *reactors_[i]; }

  // A connection on that reactor. INFO is out once its reactor has had a turn.
  Pipe connect(size_t reactor, Wire wire = Wire::tcp) {
    auto pipe = std::make_shared<net::MemoryStream>();
    reactors_[reactor]->adopt(wire, [&](Connection& connection) -> std::unique_ptr<net::ByteStream> {
      auto end = std::make_unique<sim::SharedStream>(pipe);
      if (wire == Wire::tcp) return end;
      return std::make_unique<net::WsStream>(
          std::move(end), net::WsStream::Settings{&broker.ws_rules, &scratch, SIZE_MAX},
          [&connection](const net::WsUpgrade& upgrade) { connection.upgraded(upgrade); });
    });
    return pipe;
  }
  // A client that has said CONNECT and whatever `text` says, and was answered.
  Pipe client(size_t reactor, std::string_view text = {}) {
    Pipe pipe = connect(reactor);
    pipe->feed("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n");
    pipe->feed(text);
    settle();
    pipe->written().clear();
    return pipe;
  }

  void turn(size_t reactor) {
    reactors_[reactor]->turn();
    reactors_[reactor]->prepare_sleep();
  }
  // Until every reactor would sleep.
  void settle() {
    for (bool asleep = false; !asleep;) {
      for (auto& reactor : reactors_) reactor->turn();
      asleep = true;
      for (auto& reactor : reactors_) asleep &= reactor->prepare_sleep();
    }
  }

  Broker broker;
  net::WsScratch scratch;  // of all reactors

 private:
  static int64_t clock() { return now_ns(); }

  std::vector<std::unique_ptr<Reactor>> reactors_;
};

// What has arrived since the last call.
inline std::string take(const SmallBroker::Pipe& pipe) { return std::exchange(pipe->written(), {}); }

inline std::string pub(std::string_view subject, size_t size) {
  return "PUB " + std::string(subject) + " " + std::to_string(size) + "\r\n" +
         std::string(size, 'x') + "\r\n";
}

}  // namespace pipit::test
