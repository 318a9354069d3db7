// Two ends of a TCP connection over loopback, and a handler that remembers what it was told.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "transport/tcp_stream.h"

namespace pipit::net {

inline sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

inline int connect_to(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

inline void set_non_blocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

// `server` is for a TcpStream, which owns it; `client` is ours and blocks.
struct TcpPair {
  TcpPair() {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    bind(listener, reinterpret_cast<sockaddr*>(&address), size);
    listen(listener, 1);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    client = connect_to(ntohs(address.sin_port));
    server = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    close(listener);
  }
  ~TcpPair() { close_client(); }
  TcpPair(const TcpPair&) = delete;

  void close_client() {
    if (client >= 0) close(client);
    client = -1;
  }
  // RST instead of FIN.
  void reset_client() {
    linger hard{1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close_client();
  }
  void send_all(std::string_view bytes) const {
    while (!bytes.empty()) {
      ssize_t sent = send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

  int client = -1;
  int server = -1;
};

class Recorder : public StreamHandler {
 public:
  explicit Recorder(size_t buffer_size = 4096) : buffer_(buffer_size) {}

  std::span<std::byte> on_alloc() override {
    ++allocs;
    return buffer_;
  }
  void on_read(size_t n) override {
    --allocs;
    received.append(reinterpret_cast<const char*>(buffer_.data()), n);
    if (n > 0 && when_read) when_read();
  }
  void on_writable() override {
    ++writables;
    if (when_writable) when_writable();
  }
  void on_end(int sys_errno, uint16_t, std::string_view) override {
    ++ends;
    end_errno = sys_errno;
    if (when_end) when_end();
  }

  std::string received;
  int allocs = 0;  // without their on_read yet: 0 between callbacks
  int writables = 0, ends = 0, end_errno = -1;
  std::function<void()> when_read, when_writable, when_end;

 private:
  std::vector<std::byte> buffer_;
};

inline iovec part(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}
inline size_t write_text(ByteStream& stream, std::string_view bytes) {
  iovec one = part(bytes);
  return stream.write({&one, 1});
}

inline void run_until(Loop& loop, const std::function<bool()>& done) {
  while (!done()) uv_run(loop.uv(), UV_RUN_ONCE);
}

// Turns that the loop makes within `ms`: a handful when it sleeps, very many when it spins.
inline int turns_within(Loop& loop, int ms) {
  bool over = false;
  int turns = 0;
  loop.set_timer([&] { over = true; });
  loop.arm_timer(ms);
  while (!over) {
    uv_run(loop.uv(), UV_RUN_ONCE);
    ++turns;
  }
  return turns;
}

}  // namespace pipit::net
