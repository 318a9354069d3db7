// ReactorThread: a Reactor, the libuv loop that turns it, and the thread they run on.
#pragma once
#include <atomic>
#include <thread>

#include "server/reactor.h"
#include "transport/byte_stream.h"
#include "transport/loop.h"
#include "transport/ws_stream.h"

namespace pipit {

class ReactorThread {
 public:
  ReactorThread(Broker& broker, uint16_t index, uint32_t reactors);
  ~ReactorThread();  // stop() and join() if it runs

  // [owner]
  void start();
  // [any thread] Closes every connection; the thread ends when the last one is gone.
  void stop();
  void join();  // [owner]

  // [any thread] Takes a connected socket.
  void adopt(int fd, net::PeerAddress peer, Wire wire);
  // Connections given to this reactor and not gone yet, roughly: for placement.
  int64_t load() const { return load_.load(std::memory_order_relaxed); }

  Reactor& reactor() { return reactor_; }
  net::Loop& loop() { return loop_; }

 private:
  void before_poll();
  void adopt_here(int fd, net::PeerAddress peer, Wire wire);

  Broker& broker_;
  net::Loop loop_;
  net::WsScratch ws_scratch_;
  Reactor reactor_;
  std::thread thread_;                    // the owner's
  std::atomic<std::thread::id> runs_on_;  // what thread_ would say, for any thread
  std::atomic<int64_t> load_{0};
  bool stopping_ = false;  // its own thread's
};

}  // namespace pipit
