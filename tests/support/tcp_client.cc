#include "tests/support/tcp_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace pipit::test {

std::optional<TcpClient> TcpClient::dial(uint16_t port) {
  // Close-on-exec: a server started meanwhile by another thread must not keep our end open.
  TcpClient client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (client.fd_ < 0 ||
      ::connect(client.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return std::nullopt;
  int on = 1;
  ::setsockopt(client.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return client;
}

TcpClient& TcpClient::operator=(TcpClient&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

void TcpClient::send(std::string_view bytes, size_t piece) {
  while (!bytes.empty()) {
    ssize_t n = ::send(fd_, bytes.data(), std::min(piece, bytes.size()), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // the peer has gone; receive() will tell
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

TcpClient::Got TcpClient::receive(std::string& into, Deadline deadline) {
  for (;;) {
    pollfd watched{fd_, POLLIN, 0};
    int ready = ::poll(&watched, 1, deadline.remaining_ms());
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Got::nothing;
    char buffer[65536];
    ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Got::closed;
    into.append(buffer, static_cast<size_t>(n));
    return Got::bytes;
  }
}

void TcpClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace pipit::test
