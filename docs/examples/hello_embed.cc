// A broker in this program and a client of it, without a socket between the two.
#include <pipit/client.h>
#include <pipit/server.h>

#include <cstdio>

using namespace std::chrono_literals;

int main() {
  pipit::Options options;
  options.port = -1;  // any free one; 4222 is the usual
  auto server = pipit::Server::create(options);
  if (!server || !server.value()->start()) return 1;
  auto client = server.value()->connect({});
  if (!client) return 1;
  auto greetings = client.value()->subscribe("hello.>", "", [](const pipit::MessageView& message) {
    std::printf("%.*s: %.*s\n", static_cast<int>(message.subject.size()), message.subject.data(),
                static_cast<int>(message.payload.size()), message.payload.data());
  });
  const bool sent = client.value()->publish("hello.world", "from inside").ok();
  return greetings && sent && client.value()->flush(5s) ? 0 : 1;
}
