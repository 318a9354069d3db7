// ReactorLoop: a Reactor and the libuv loop that turns it. Whose thread that is, a Drive decides.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "server/reactor.h"
#include "transport/byte_stream.h"
#include "transport/loop.h"
#include "transport/tls_stream.h"
#include "transport/ws_stream.h"

namespace pipit {

// A connected socket that a reactor shall serve.
struct Arrival {
  int fd = -1;
  net::PeerAddress peer;
  Wire wire = Wire::tcp;
  std::string read_already;  // what somebody read from it before us
};

class ReactorLoop {
 public:
  // `host`: the loop to be a guest on; null: a loop of its own.
  ReactorLoop(Broker& broker, uint16_t index, uint32_t reactors, uv_loop_t* host);
  ~ReactorLoop();
  ReactorLoop(const ReactorLoop&) = delete;

  // Before the first turn: what a poll brought is answered behind it already. For a loop whose next
  // turn depends on somebody else.
  void answer_at_once();
  // [its thread] Says which thread that is. Before the first turn.
  void settle() { reactor_.inproc().doorbell()->settle(); }
  // [any thread] Is this its thread?
  bool here() const { return reactor_.inproc().doorbell()->here(); }
  // [its thread] A loop of its own, until it has ended. Nothing if it has.
  void run();
  // [its thread] A loop of its own: what there is to do now, without waiting for more. Looks at the
  // sockets unless it did a moment ago and clients in the process have something for it.
  void poll();
  // [its thread] How long poll() may wait, in milliseconds; -1: until backend_fd() is readable.
  int64_t timeout_ms() const;

  // [any thread] Closes every connection. `ended` is called on its thread when the last one is
  // gone; from then on its mailbox takes nothing.
  void stop(std::function<void()> ended);
  // [its thread, or none turns it] Ends now: nothing is flushed, nothing calls back any more.
  void abandon();
  bool ended() const { return ended_; }  // [its thread]

  // [any thread] Takes a connected socket. False: it has ended, and the socket is still yours.
  bool adopt(Arrival&& arrival);
  // [any thread] An in-process client of this reactor.
  Result<std::shared_ptr<ClientLink>> connect(const ClientOptions& options);
  // Connections given to this reactor and not gone yet, roughly: for placement.
  int64_t load() const { return load_.load(std::memory_order_relaxed); }

  Reactor& reactor() { return reactor_; }
  net::Loop& loop() { return loop_; }
  const net::Loop& loop() const { return loop_; }

 private:
  void turn();
  void wake();  // [any thread]
  void adopt_here(Arrival&& arrival);
  std::unique_ptr<net::ByteStream> secure(Connection& connection, Wire wire,
                                          std::unique_ptr<net::ByteStream> plain);

  Broker& broker_;
  net::Loop loop_;
  net::WsScratch ws_scratch_;
  net::TlsScratch tls_scratch_;
  Reactor reactor_;
  std::atomic<int64_t> load_{0};
  std::function<void()> on_ended_;
  // Its thread's:
  bool stopping_ = false, ended_ = false;
  int64_t looked_ns_ = 0;  // at the sockets, in poll()
};

}  // namespace pipit
