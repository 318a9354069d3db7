// A game that hosts its own broker, with no thread but its own: the server runs inside poll(), once a
// frame. Players steer over NATS and watch where they are.
//
//     game_loop            prints its port; then, with any NATS client:
//     nats sub 'game.>'    what happens
//     nats pub player.anna.move right
//     nats pub game.quit ''
#include <pipit/client.h>
#include <pipit/server.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kFrame{16};

struct Game {
  std::map<std::string, int, std::less<>> players;  // where each stands
  bool over = false;

  // "player.NAME.move", "left" or "right"
  void move(const pipit::MessageView& message) {
    const std::string_view rest = message.subject.substr(sizeof "player." - 1);
    players[std::string(rest.substr(0, rest.find('.')))] += message.payload == "left" ? -1 : 1;
  }
};

// Lets the server run for what is left of the frame: at once when somebody says something, else
// when it has a deadline of its own. False: it has stopped.
bool run_until(pipit::Server& server, Clock::time_point end) {
  do {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    const auto own = server.timeout();
    pollfd watched{server.fd(), POLLIN, 0};
    ::poll(&watched, 1, static_cast<int>(std::max<int64_t>(
                            own.count() < 0 ? left.count() : std::min(own, left).count(), 0)));
    if (!server.poll()) return false;
  } while (Clock::now() < end);
  return true;
}

}  // namespace

int main() {
  pipit::Options options;
  options.host = "127.0.0.1";
  options.port = -1;
  options.reactors = 0;  // the caller drives
  auto created = pipit::Server::create(options);
  if (!created) {
    std::fprintf(stderr, "%s\n", created.error().text.c_str());
    return 1;
  }
  pipit::Server& server = *created.value();
  if (!server.start()) return 1;
  auto client = server.connect({});
  if (!client) return 1;
  Game game;
  auto moves = client.value()->subscribe("player.*.move", "",
                                         [&](const pipit::MessageView& m) { game.move(m); });
  auto quit = client.value()->subscribe("game.quit", "",
                                        [&](const pipit::MessageView&) { game.over = true; });
  if (!moves || !quit) return 1;
  std::printf("nats://127.0.0.1:%d\n", server.client_port());
  std::fflush(stdout);

  for (Clock::time_point frame = Clock::now(); !game.over; frame += kFrame) {
    for (const auto& [name, place] : game.players)
      if (!client.value()->publish("game.place." + name, std::to_string(place))) return 1;
    if (!run_until(server, frame + kFrame)) break;
  }
  std::printf("%zu players\n", game.players.size());
}
