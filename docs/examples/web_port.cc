// One port for everything: a web server of the program's own serves a page, and gives every request
// for a WebSocket to the broker in the same process. So the page's script talks NATS to this program
// over the port that it came from.
//
//     web_port PORT PAGE        0: any free port; try docs/examples/hello.html
//
// This program answers what the page publishes on "hello.>", and ends with its standard input.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pipit/client.h>
#include <pipit/server.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

namespace {

// Just enough of a web server: one small request a connection, one page.
class WebServer {
 public:
  explicit WebServer(std::string page) : page_(std::move(page)) {}

  int listen_on(uint16_t port) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 64) != 0)
      return -1;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

  // Until standard input ends.
  void run(pipit::Server& broker) const {
    pollfd watched[] = {{listener_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    while (::poll(watched, 2, -1) >= 0) {
      char ignored[256];
      if (watched[1].revents != 0 && ::read(STDIN_FILENO, ignored, sizeof ignored) <= 0) break;
      if (watched[0].revents != 0) serve(::accept(listener_, nullptr, nullptr), broker);
    }
    ::close(listener_);
  }

 private:
  void serve(int connection, pipit::Server& broker) const {
    if (connection < 0) return;
    // A real web server reads many requests at a time; this one gives each client two seconds.
    const timeval patience{2, 0};
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::string request;
    char bytes[4096];
    for (ssize_t n; request.find("\r\n\r\n") == std::string::npos && request.size() < 8192;) {
      if ((n = ::recv(connection, bytes, sizeof bytes, 0)) <= 0) break;
      request.append(bytes, static_cast<size_t>(n));
    }
    // The broker takes the socket with all that was read from it, checks the request and answers.
    if (asks_for_websocket(request) &&
        broker.adopt(connection, std::as_bytes(std::span(request)), pipit::Handover::websocket))
      return;
    const bool found = request.starts_with("GET / ") || request.starts_with("GET /?");
    const std::string& body = found ? page_ : not_found_;
    std::string answer = found ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 404 Not Found\r\n";
    answer += "Content-Type: text/html; charset=utf-8\r\nConnection: close\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body;
    ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::close(connection);
  }

  // Field names have no case, and what is asked for beside it is the broker's business.
  static bool asks_for_websocket(std::string_view request) {
    constexpr std::string_view kField = "\nupgrade:";
    for (size_t at = 0; at + kField.size() < request.size(); ++at)
      if (::strncasecmp(request.data() + at, kField.data(), kField.size()) == 0) return true;
    return false;
  }

  std::string page_, not_found_ = "<!doctype html>not here\n";
  int listener_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
  std::ifstream file(argc == 3 ? argv[2] : "");
  if (!file) {
    std::fprintf(stderr, "usage: web_port PORT PAGE\n");
    return 1;
  }
  WebServer web({std::istreambuf_iterator<char>(file), {}});

  pipit::Options options;
  options.dont_listen = true;  // no port of its own: clients come by adopt()
  options.websocket.same_origin = true;
  auto broker = pipit::Server::create(options);
  if (!broker || !broker.value()->start()) return 1;
  auto client = broker.value()->connect({});
  if (!client) return 1;
  auto greetings = client.value()->subscribe("hello.>", "", [&](const pipit::MessageView& message) {
    if (message.subject == "hello.program") return;
    const std::string text = "the program heard " + std::string(message.payload);
    (void)client.value()->publish("hello.program", text).ok();
  });

  const int port = web.listen_on(static_cast<uint16_t>(std::atoi(argv[1])));
  if (!greetings || port < 0) return 1;
  std::printf("http://127.0.0.1:%d/\n", port);
  std::fflush(stdout);
  web.run(*broker.value());
}
