// SimClient: the far end of a connection in the simulation: what it asked for, what it was told, and
// the bytes in between. Simulation moves them, Oracle judges them.
#pragma once
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "transport/memory_stream.h"

namespace pipit::sim {

// The connection owns its stream and destroys it when it likes; the simulation keeps the pipe.
class SharedStream final : public net::ByteStream {
 public:
  explicit SharedStream(std::shared_ptr<net::MemoryStream> pipe) : pipe_(std::move(pipe)) {}
  ~SharedStream() override { pipe_->close(0, ""); }
  size_t write(std::span<const iovec> parts) override { return pipe_->write(parts); }
  void pause_reading() override { pipe_->pause_reading(); }
  void resume_reading() override { pipe_->resume_reading(); }
  void start(net::StreamHandler* handler) override { pipe_->start(handler); }
  void close(uint16_t code, std::string_view why) override { pipe_->close(code, why); }
  const net::PeerAddress& peer() const override { return pipe_->peer(); }

 private:
  std::shared_ptr<net::MemoryStream> pipe_;
};

struct SimMessage {
  uint32_t publisher = 0;
  uint64_t seq = 0;
  friend auto operator<=>(const SimMessage&, const SimMessage&) = default;
};

struct SimSubscription {
  std::string subject, queue;
  uint64_t max = 0;        // of its auto-unsubscribe, asked for with the SUB; 0: none
  bool confirmed = false;  // its fence came back: from now on nothing may be missed
  bool ended = false;      // UNSUB was sent
  std::set<SimMessage> got;
  std::map<uint32_t, uint64_t> last;  // by publisher
  std::string disorder;               // how messages came out of order, if they did
};

struct SimClient {
  uint32_t id = 0, reactor = 0;
  bool echo = true;
  std::shared_ptr<net::MemoryStream> pipe;
  std::string unsent;    // bytes on their way to the broker
  std::string received;  // bytes from it that are no whole message yet
  std::map<std::string, SimSubscription> subs;  // by sid; "inbox" gets the 503s
  uint64_t next_sid = 1, next_seq = 1;
  uint64_t settled_seq = 0;    // published and fenced up to here
  std::set<uint64_t> refused;  // requests that were answered 503
  bool limited = false;        // it once left the broker without room: it may be cut off
  bool leaving = false;        // does nothing more; `unsent` still goes out
  bool gone = false;           // reads no more
  bool unsure = false;         // what it published may be lost with it
  // One entry per PING under way: what its PONG proves.
  struct Fence {
    std::vector<std::string> sids;
    uint64_t seq = 0;
    std::vector<std::pair<std::string, SimMessage>> must_have;
  };
  std::deque<Fence> fences;
};

}  // namespace pipit::sim
