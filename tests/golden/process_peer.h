// ProcessPeer: a server binary of its own, reached over loopback sockets.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "tests/golden/peer.h"
#include "tests/support/server_process.h"

namespace pipit::golden {

struct ProcessSetup {
  enum class Transport { tcp, websocket, compressed_websocket };
  std::string binary;
  Tags tags;
  Transport transport = Transport::tcp;
  bool split = false;  // every byte its own send
  // Where it is asked for, TLS beneath the client's protocol, or beneath WebSocket: the server's
  // tls block, and what makes a wire secure (`after_info`: once INFO has come in the clear).
  std::string tls_config;
  std::function<std::unique_ptr<Wire>(std::unique_ptr<Wire>, bool after_info, test::Deadline)>
      secure;
  int reactors = 0;    // 0: say nothing about reactors (the genuine server has none)
};

class ProcessPeer final : public Peer {
 public:
  explicit ProcessPeer(const ProcessSetup& setup) : setup_(setup) {}

  const Tags& tags() const override { return setup_.tags; }
  bool can_run(const Transcript& transcript) const override;
  std::string start(const Transcript& transcript, test::Deadline deadline) override;
  std::unique_ptr<Wire> dial_client(test::Deadline deadline) override;
  std::unique_ptr<Wire> dial_websocket(test::Deadline deadline) override;
  void lame_duck() override;
  std::string stop(test::Deadline deadline) override;

 private:
  const ProcessSetup& setup_;
  test::ServerProcess process_;
};

}  // namespace pipit::golden
