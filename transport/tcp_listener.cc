#include "transport/tcp_listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace pipit::net {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsPerTurn = 64;
constexpr uint64_t kPauseMs = 100;
constexpr int64_t kTellNs = 1'000'000'000;

Error failed(const char* where, const std::string& host, int port, int error, const char* why) {
  return {Errc::address, error, where,
          "cannot listen on " + host + ":" + std::to_string(port) + ": " + why};
}

// The listening socket, or -1 with errno and `where` set.
int listen_on(int family, const sockaddr* address, socklen_t size, const char*& where) {
  where = "socket";
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int on = 1, off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  where = "bind";
  int result = bind(fd, address, size);
  if (result == 0) {
    where = "listen";
    result = listen(fd, kBacklog);
  }
  if (result == 0) return fd;
  int error = errno;
  ::close(fd);
  errno = error;
  return -1;
}

// Both families on one socket; IPv4 alone where the machine has no IPv6.
int listen_on_all(uint16_t port, const char*& where) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  int fd = listen_on(AF_INET6, reinterpret_cast<sockaddr*>(&v6), sizeof v6, where);
  if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  return listen_on(AF_INET, reinterpret_cast<sockaddr*>(&v4), sizeof v4, where);
}

int open_spare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool out_of_descriptors(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

PeerAddress peer_address(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  if (address.ss_family != AF_INET6) return {};
  auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
  } else {
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return {text, ntohs(v6.sin6_port)};
}

Result<void> TcpListener::bind(const std::string& host, int port) {
  close();
  if (port > 65535) return failed("bind", host, port, 0, "the port is past 65535");
  auto wanted = static_cast<uint16_t>(port < 0 ? 0 : port);
  const char* where = "bind";
  if (host.empty() || host == "0.0.0.0" || host == "::") {
    fd_ = listen_on_all(wanted, where);
  } else {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    int error = getaddrinfo(host.c_str(), std::to_string(wanted).c_str(), &hints, &list);
    if (error != 0) return failed("getaddrinfo", host, port, 0, gai_strerror(error));
    std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
    // IPv4 first, as Go does for a name with both.
    for (int family : {AF_INET, AF_INET6}) {
      for (addrinfo* i = list; i != nullptr && fd_ < 0; i = i->ai_next) {
        if (i->ai_family == family) fd_ = listen_on(family, i->ai_addr, i->ai_addrlen, where);
      }
    }
  }
  if (fd_ < 0) return failed(where, host, port, errno, std::strerror(errno));

  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size);
  port_ = peer_address(bound).port;
  host_ = host;
  spare_fd_ = open_spare();
  return {};
}

void TcpListener::start(Loop& loop, OnAccept on_accept, OnExhausted on_exhausted) {
  on_accept_ = std::move(on_accept);
  on_exhausted_ = std::move(on_exhausted);
  poll_.open(loop.uv(), fd_, &TcpListener::on_poll, this);
  pause_ = new uv_timer_t;
  uv_timer_init(loop.uv(), pause_);
  pause_->data = this;
  poll_.watch(UV_READABLE);
}

void TcpListener::close() {
  poll_.close();
  if (pause_ != nullptr) {
    uv_close(reinterpret_cast<uv_handle_t*>(pause_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
    pause_ = nullptr;
  }
  for (int* fd : {&fd_, &spare_fd_}) {
    if (*fd >= 0) ::close(std::exchange(*fd, -1));
  }
}

void TcpListener::on_poll(void* self, int) { static_cast<TcpListener*>(self)->accept_all(); }

void TcpListener::accept_all() {
  // on_accept may close() us: fd_ is looked at anew each time.
  for (int i = 0; i < kAcceptsPerTurn && fd_ >= 0; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    int fd =
        accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      on_accept_(fd, peer_address(address));
    } else if (errno == EAGAIN) {
      break;
    } else if (out_of_descriptors(errno)) {
      tell(errno);
      if (fd_ >= 0 && !shed_one()) return pause();
    }
    // Anything else is the fault of that one connection (ECONNABORTED and its like).
  }
  // libuv stops watching after an error on the socket.
  if (fd_ >= 0) poll_.watch(UV_READABLE);
}

void TcpListener::tell(int sys_errno) {
  const int64_t now = Loop::now_ns();
  if (!on_exhausted_ || (told_ns_ != 0 && now - told_ns_ < kTellNs)) return;
  told_ns_ = now;
  on_exhausted_(sys_errno);
}

bool TcpListener::shed_one() {
  if (spare_fd_ < 0) return false;
  ::close(spare_fd_);
  int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) ::close(fd);
  spare_fd_ = open_spare();
  return fd >= 0 && spare_fd_ >= 0;
}

void TcpListener::pause() {
  poll_.watch(0);
  uv_timer_start(
      pause_,
      [](uv_timer_t* timer) {
        auto& listener = *static_cast<TcpListener*>(timer->data);
        if (listener.spare_fd_ < 0) listener.spare_fd_ = open_spare();
        listener.poll_.watch(UV_READABLE);
      },
      kPauseMs, 0);
}

}  // namespace pipit::net
