// MemoryPeer: Pipit's own reactors in this process, turned by hand, its clients on memory streams.
// No socket, no thread but that of the password checks: what a transcript does is always the same.
#pragma once
#include <memory>
#include <string>

#include "tests/golden/peer.h"

namespace pipit::golden {

struct MemorySetup {
  int reactors = 1;
  bool split = false;  // a turn of every reactor after every byte
  Tags tags;
};

class MemoryPeer final : public Peer {
 public:
  explicit MemoryPeer(const MemorySetup& setup);
  ~MemoryPeer() override;

  const Tags& tags() const override;
  bool can_run(const Transcript&) const override { return true; }
  std::string start(const Transcript& transcript, test::Deadline deadline) override;
  std::unique_ptr<Wire> dial_client(test::Deadline deadline) override;
  std::unique_ptr<Wire> dial_websocket(test::Deadline deadline) override;
  void lame_duck() override;
  std::string stop(test::Deadline deadline) override;

 private:
  class World;
  class MemoryWire;
  const MemorySetup& setup_;
  std::unique_ptr<World> world_;
};

}  // namespace pipit::golden
