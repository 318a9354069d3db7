// What a program outside the tree does with the installed library: a server on a port of the
// kernel's choice greets a client on a socket, one without a socket hears itself, and what the build
// has not is refused.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pipit/client.h>
#include <pipit/server.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

std::string greeting_of(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char text[5] = "";
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    (void)!::recv(fd, text, 4, MSG_WAITALL);
  ::close(fd);
  return text;
}

bool hears_itself(pipit::Server& server) {
  auto client = server.connect();
  if (!client) return false;
  std::string heard;
  auto subscription = client.value()->subscribe(
      "greet.*", "", [&](const pipit::MessageView& message) { heard = message.payload; });
  return subscription && client.value()->publish("greet.me", "hello") &&
         client.value()->flush(std::chrono::seconds(10)) && heard == "hello";
}

int failed(const char* what, const pipit::Error& error) {
  std::printf("%s: %s: %s\n", what, error.where, error.text.c_str());
  return 1;
}

}  // namespace

// An argument: the build has no WebSocket.
int main(int argc, char**) {
  pipit::Options options;
  options.host = "127.0.0.1";
  options.port = -1;
  auto server = pipit::Server::create(options);
  if (!server) return failed("create", server.error());
  if (const auto started = server.value()->start(); !started) return failed("start", started.error());
  if (!hears_itself(*server.value())) {
    std::printf("a client in the process does not hear itself\n");
    return 1;
  }
  const std::string greeting = greeting_of(server.value()->client_port());
  server.value()->stop();
  if (greeting != "INFO") {
    std::printf("the server says \"%s\"\n", greeting.c_str());
    return 1;
  }

  options.websocket.host = "127.0.0.1";
  options.websocket.port = -1;
  options.websocket.no_tls = true;
  auto websocket = pipit::Server::create(options);
  const bool left_out = argc > 1;
  if (websocket.ok() == left_out) {
    std::printf("websocket is %s\n", left_out ? "there" : websocket.error().text.c_str());
    return 1;
  }
  if (left_out && websocket.error().code != pipit::Errc::not_built)
    return failed("websocket", websocket.error());
  return 0;
}
