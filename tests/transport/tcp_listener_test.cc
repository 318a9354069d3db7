// Proves over loopback: ports and addresses as asked, errors as values, a bounded burst, and
// survival at the limit of file descriptors (the limit of this process is lowered for that).
#include "transport/tcp_listener.h"

#include <doctest/doctest.h>

#include "tests/transport/no_descriptors.h"
#include "tests/transport/tcp_pair.h"

using namespace pipit::net;

namespace {

struct Accepted {
  ~Accepted() {
    for (int fd : fds) close(fd);
  }
  TcpListener::OnAccept callback() {
    return [this](int fd, PeerAddress peer) {
      fds.push_back(fd);
      peers.push_back(std::move(peer));
    };
  }
  std::vector<int> fds;
  std::vector<PeerAddress> peers;
};

uint16_t port_of(const TcpListener& listener) { return static_cast<uint16_t>(listener.port()); }

}  // namespace

TEST_CASE("listens on a free port and hands over connections with their address") {
  Loop loop;
  TcpListener listener;
  for (int any : {0, -1}) {
    REQUIRE(listener.bind("127.0.0.1", any).ok());
    CHECK(listener.port() > 0);
    CHECK(listener.host() == "127.0.0.1");
  }
  Accepted accepted;
  listener.start(loop, accepted.callback());
  int client = connect_to(port_of(listener));
  REQUIRE(client >= 0);
  run_until(loop, [&] { return !accepted.fds.empty(); });
  sockaddr_in name{};
  socklen_t size = sizeof name;
  getsockname(client, reinterpret_cast<sockaddr*>(&name), &size);
  CHECK(accepted.peers[0].host == "127.0.0.1");
  CHECK(accepted.peers[0].port == ntohs(name.sin_port));
  CHECK((fcntl(accepted.fds[0], F_GETFL) & O_NONBLOCK) != 0);
  CHECK((fcntl(accepted.fds[0], F_GETFD) & FD_CLOEXEC) != 0);
  close(client);
  listener.close();
  listener.close();
}

TEST_CASE("all addresses: an IPv4 client has its IPv4 address; names are looked up") {
  for (const char* host : {"", "0.0.0.0", "::", "localhost"}) {
    CAPTURE(host);
    Loop loop;
    TcpListener listener;
    REQUIRE(listener.bind(host, 0).ok());
    CHECK(listener.host() == host);
    Accepted accepted;
    listener.start(loop, accepted.callback());
    int client = connect_to(port_of(listener));
    REQUIRE(client >= 0);
    run_until(loop, [&] { return !accepted.fds.empty(); });
    CHECK(accepted.peers[0].host == "127.0.0.1");
    close(client);
    listener.close();
  }
}

TEST_CASE("what cannot be bound is an error that names the address") {
  TcpListener first, second;
  REQUIRE(first.bind("127.0.0.1", 0).ok());
  auto result = second.bind("127.0.0.1", first.port());
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == pipit::Errc::address);
  CHECK(result.error().sys_errno == EADDRINUSE);
  CHECK(result.error().text.find("127.0.0.1:" + std::to_string(first.port())) != std::string::npos);
  CHECK_FALSE(second.bind("192.0.2.1", 0).ok());     // documentation network: not ours
  CHECK_FALSE(second.bind("no host name", 0).ok());  // a blank is in no name
  CHECK_FALSE(second.bind("127.0.0.1", 70000).ok());
  CHECK(second.bind("127.0.0.1", 0).ok());
}

TEST_CASE("a burst is accepted in bounded turns, to the last one") {
  Loop loop;
  TcpListener listener;
  REQUIRE(listener.bind("127.0.0.1", 0).ok());
  std::vector<int> clients;
  for (int i = 0; i < 150; ++i) clients.push_back(connect_to(port_of(listener)));
  Accepted accepted;
  listener.start(loop, accepted.callback());
  size_t largest = 0;
  while (accepted.fds.size() < clients.size()) {
    size_t before = accepted.fds.size();
    uv_run(loop.uv(), UV_RUN_ONCE);
    largest = std::max(largest, accepted.fds.size() - before);
  }
  CHECK(largest <= 64);
  for (int fd : clients) close(fd);
  listener.close();
}

TEST_CASE("closing inside on_accept is the last of it") {
  Loop loop;
  TcpListener listener;
  REQUIRE(listener.bind("127.0.0.1", 0).ok());
  int clients[] = {connect_to(port_of(listener)), connect_to(port_of(listener))};
  int calls = 0;
  listener.start(loop, [&](int fd, PeerAddress) {
    ++calls;
    close(fd);
    listener.close();
  });
  run_until(loop, [&] { return calls > 0; });
  CHECK(turns_within(loop, 5) < 10);
  CHECK(calls == 1);
  for (int fd : clients) close(fd);
}

TEST_CASE("without descriptors, waiting connections are turned away and the loop sleeps") {
  Loop loop;
  TcpListener listener;
  REQUIRE(listener.bind("127.0.0.1", 0).ok());
  Accepted accepted;
  std::vector<int> told;
  listener.start(loop, accepted.callback(), [&](int error) { told.push_back(error); });
  std::vector<int> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect_to(port_of(listener)));
  {
    NoDescriptors none;
    CHECK(turns_within(loop, 30) < 20);
    CHECK(accepted.fds.empty());
    for (int fd : clients) {
      char byte;
      CHECK(recv(fd, &byte, 1, 0) <= 0);  // closed or reset, not left waiting
    }
  }
  CHECK(told == std::vector<int>{EMFILE});  // once for all of them
  for (int fd : clients) close(fd);
  int late = connect_to(port_of(listener));
  run_until(loop, [&] { return accepted.fds.size() == 1; });
  close(late);
  listener.close();
}

TEST_CASE("without even a spare descriptor it pauses, and goes on by itself") {
  Loop loop;
  TcpListener listener;
  Accepted accepted;
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  {
    NoDescriptors but_one(1);
    REQUIRE(listener.bind("127.0.0.1", 0).ok());
    listener.start(loop, accepted.callback());
    sockaddr_in address = loopback(port_of(listener));
    REQUIRE(connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(turns_within(loop, 30) < 20);
    CHECK(accepted.fds.empty());
  }
  run_until(loop, [&] { return accepted.fds.size() == 1; });
  close(client);
  listener.close();
}
