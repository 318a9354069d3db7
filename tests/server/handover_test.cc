// Proves Server::adopt in every run mode: a plain client and an upgrade request, with any part of
// their first words read by the host; limits, authorization and origins as for Pipit's own
// listeners; and that a refused socket is still the caller's, as it was.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/embedded.h"
#include "tests/support/ws_frame.h"

using namespace pipit;
using namespace pipit::test;

namespace {

Options no_listener() {
  Options options = local_options();
  options.dont_listen = true;
  return options;
}

// The host program's own listener: accepts what it then gives away.
struct Door {
  Door() {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(fd, 8) == 0);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  ~Door() { ::close(fd); }
  int accept() const { return ::accept(fd, nullptr, nullptr); }
  // As the host would read them, and not one byte more.
  std::string read(int from, size_t bytes) const {
    std::string text(bytes, '\0');
    if (bytes > 0) REQUIRE(::recv(from, text.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
    return text;
  }

  int fd;
  int port;
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

TEST_CASE_TEMPLATE("a plain client is served, however much of its words the host has read", Host,
                   ThreadsHost, UvHost, PollHost) {
  const std::string words = "CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n";
  Host host(no_listener());
  CHECK(host.server->client_port() == 0);
  Door door;
  for (const size_t read : {size_t{0}, size_t{1}, size_t{20}, words.size() - 3, words.size()}) {
    Talk client(door.port);
    const int fd = door.accept();
    client.say(words);
    const std::string early = door.read(fd, read);
    REQUIRE(host.server->adopt(fd, bytes_of(early), Handover::nats).ok());
    CHECK(client.hears(host, "INFO {"));
    CHECK(client.hears(host, "\"client_ip\":\"127.0.0.1\""));
    CHECK(client.hears(host, "MSG a 1 2\r\nhi\r\nPONG\r\n"));
  }
}

TEST_CASE_TEMPLATE("an upgrade request is answered, however much of it the host has read", Host,
                   ThreadsHost, UvHost, PollHost) {
  const std::string request = upgrade_request("/nats", "Origin: http://page.example\r\n");
  Options options = no_listener();
  options.websocket.allowed_origins = {"http://page.example"};
  options.websocket.headers["X-Host"] = "mine";
  Host host(options);
  CHECK(host.server->websocket_port() == 0);
  Door door;
  for (const size_t read : {size_t{0}, size_t{5}, request.size() - 1, request.size()}) {
    Talk client(door.port);
    const int fd = door.accept();
    client.say(request);
    const std::string early = door.read(fd, read);
    REQUIRE(host.server->adopt(fd, bytes_of(early), Handover::websocket).ok());
    CHECK(client.hears(host, "101 Switching Protocols"));
    CHECK(client.hears(host, "X-Host: mine"));
    CHECK(client.hears(host, "INFO {"));
    WsFrame frame;
    frame.payload = "CONNECT {\"verbose\":false}\r\nPING\r\n";
    client.say(frame.bytes());
    CHECK(client.hears(host, "PONG\r\n"));
  }
}

TEST_CASE("limits, authorization and origins hold for what is handed over") {
  Options options = no_listener();
  options.max_connections = 1;
  options.websocket.authorization.token = "secret";
  options.websocket.allowed_origins = {"http://page.example"};
  ThreadsHost host(options);
  Door door;
  const auto hand_over = [&](Talk& client, std::string early, Handover kind) {
    client.say("");
    REQUIRE(host.server->adopt(door.accept(), bytes_of(early), kind).ok());
  };
  Talk stranger(door.port);
  hand_over(stranger, upgrade_request("/", "Origin: http://elsewhere.example\r\n"),
            Handover::websocket);
  CHECK(stranger.hears(host, "403 Forbidden"));
  Talk no_http(door.port);
  hand_over(no_http, "CONNECT {}\r\n", Handover::websocket);
  CHECK(no_http.hears(host, "400 Bad Request"));
  Talk too_long(door.port);
  hand_over(too_long, "GET / HTTP/1.1\r\n" + std::string(10'000, 'x'), Handover::websocket);
  CHECK(too_long.hears(host, "431 "));
  Talk unknown(door.port);
  hand_over(unknown, upgrade_request("/", "Origin: http://page.example\r\n"), Handover::websocket);
  CHECK(unknown.hears(host, "INFO {"));
  WsFrame connect;
  connect.payload = "CONNECT {\"auth_token\":\"wrong\"}\r\n";
  unknown.say(connect.bytes());
  CHECK(unknown.hears(host, "Authorization Violation"));
  CHECK(unknown.sees_the_end(host));
  Talk first(door.port), second(door.port);
  hand_over(first, "CONNECT {\"verbose\":false}\r\nPING\r\n", Handover::nats);
  CHECK(first.hears(host, "PONG\r\n"));
  hand_over(second, "", Handover::nats);
  CHECK(second.hears(host, "maximum connections exceeded"));
  CHECK(second.sees_the_end(host));
}

TEST_CASE("a client that is gone, or goes on while it is handed over, costs nothing") {
  ThreadsHost host(no_listener());
  Door door;
  const std::string early = "CONNECT {}\r\n";
  {
    auto gone = TcpClient::dial(static_cast<uint16_t>(door.port));
    const int fd = door.accept();
    gone->close();
    CHECK(host.server->adopt(fd, bytes_of(early), Handover::nats).ok());
  }
  Talk client(door.port);
  REQUIRE(host.server->adopt(door.accept(), {}, Handover::nats).ok());
  CHECK(client.hears(host, "INFO {"));
}

TEST_CASE("what is no connected stream socket is refused, by name, and stays the caller's") {
  ThreadsHost host(no_listener());
  Door door;
  const auto refusal = [&](int fd) {
    const auto result = host.server->adopt(fd, {}, Handover::nats);
    REQUIRE_FALSE(result.ok());
    CHECK(std::string(result.error().where) == "Server::adopt");
    CHECK(result.error().code == Errc::invalid_argument);
    return result.error().sys_errno;
  };
  CHECK(refusal(-1) == EBADF);
  CHECK(refusal(1'000'000) == EBADF);
  CHECK(refusal(door.fd) == 0);
  int pipe_ends[2];
  REQUIRE(::pipe2(pipe_ends, O_CLOEXEC) == 0);
  CHECK(refusal(pipe_ends[0]) == ENOTSOCK);
  const int datagram = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK(refusal(datagram) == 0);
  const int idle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(refusal(idle) == ENOTCONN);
  for (const int fd : {pipe_ends[0], pipe_ends[1], datagram, idle}) {
    CHECK(::fcntl(fd, F_GETFL) >= 0);  // still open
    CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
    ::close(fd);
  }
}

TEST_CASE("a server that does not run refuses a socket, which stays as it was") {
  Door door;
  auto client = TcpClient::dial(static_cast<uint16_t>(door.port));
  const int fd = door.accept();
  auto server = made(no_listener());
  CHECK(server->adopt(fd, {}, Handover::nats).error().code == Errc::closed);
  REQUIRE(server->start().ok());
  server->stop();
  CHECK(server->adopt(fd, {}, Handover::nats).error().code == Errc::closed);
  CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) == 0);
  ::close(fd);
}

TEST_CASE("sockets that arrive while the server stops are closed or refused, never lost") {
  Door door;
  for (int round = 0; round < 20; ++round) {
    auto server = started(no_listener());
    std::thread stopper([&] { server->stop(); });
    std::vector<TcpClient> clients;
    for (int i = 0; i < 5; ++i) {
      clients.push_back(std::move(*TcpClient::dial(static_cast<uint16_t>(door.port))));
      const int fd = door.accept();
      if (!server->adopt(fd, {}, Handover::nats).ok()) ::close(fd);
    }
    stopper.join();
    server.reset();
    for (TcpClient& client : clients) {
      std::string heard;
      TcpClient::Got got;
      const Deadline deadline(kPatience);
      while ((got = client.receive(heard, deadline)) == TcpClient::Got::bytes) {
      }
      CHECK(got == TcpClient::Got::closed);
    }
  }
}
