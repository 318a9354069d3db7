#include "server/handover.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "transport/tcp_listener.h"

namespace pipit {
namespace {

Error refused(Errc code, int sys_errno, std::string what) {
  if (sys_errno != 0) what.append(": ").append(std::strerror(sys_errno));
  return {code, sys_errno, "Server::adopt", std::move(what)};
}

}  // namespace

Result<net::PeerAddress> take_socket(int fd) {
  int type = 0, listening = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0)
    return refused(Errc::invalid_argument, errno, "descriptor " + std::to_string(fd));
  if (type != SOCK_STREAM)
    return refused(Errc::invalid_argument, 0, "the socket is no stream of bytes");
  size = sizeof listening;
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0)
    return refused(Errc::invalid_argument, 0, "the socket listens; accept() a connection first");
  sockaddr_storage peer{};
  size = sizeof peer;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0)
    return refused(errno == ENOTCONN ? Errc::invalid_argument : Errc::io, errno, "getpeername");
  const int flags = fcntl(fd, F_GETFL), close_on_exec = fcntl(fd, F_GETFD);
  if (flags < 0 || close_on_exec < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
      fcntl(fd, F_SETFD, close_on_exec | FD_CLOEXEC) != 0)
    return refused(Errc::io, errno, "fcntl");
  return net::peer_address(peer);
}

}  // namespace pipit
