// TcpListener: a bound socket whose accepted fds are handed to a callback.
//
// At the limit of file descriptors (EMFILE, ENFILE) it gives up its spare descriptor to accept and
// close the waiting connection, then takes the spare back; if that fails too it pauses for 100 ms.
// It neither spins nor dies, and says so at most once a second.
#pragma once
#include <sys/socket.h>

#include <functional>
#include <string>

#include "pipit/result.h"
#include "transport/byte_stream.h"
#include "transport/loop.h"

namespace pipit::net {

// Nothing for a socket that has no such address (AF_UNIX).
PeerAddress peer_address(const sockaddr_storage& address);

class TcpListener {
 public:
  // `fd` is non-blocking, close-on-exec and the callee's.
  using OnAccept = std::function<void(int fd, PeerAddress peer)>;
  using OnExhausted = std::function<void(int sys_errno)>;

  TcpListener() = default;
  ~TcpListener() { close(); }
  TcpListener(const TcpListener&) = delete;

  // Binds and listens at once, so that port() is known and "address in use" is an error here; port
  // 0 or less: any free port. `host` is an address or a name; "", "0.0.0.0" and "::" listen on
  // everything, IPv6 included, as nats-server does.
  Result<void> bind(const std::string& host, int port);
  // Starts accepting on `loop`. The callbacks may close() the listener, not destroy it.
  void start(Loop& loop, OnAccept on_accept, OnExhausted on_exhausted = nullptr);
  void close();  // idempotent
  int port() const { return port_; }
  const std::string& host() const { return host_; }

 private:
  static void on_poll(void* self, int events);
  void accept_all();
  void tell(int sys_errno);
  bool shed_one();  // false: not even that
  void pause();

  PollHandle poll_;
  OnAccept on_accept_;
  OnExhausted on_exhausted_;
  int64_t told_ns_ = 0;
  std::string host_;
  int fd_ = -1;
  int spare_fd_ = -1;
  int port_ = 0;
  uv_timer_t* pause_ = nullptr;
};

}  // namespace pipit::net
