// Player: performs one transcript against a peer, step by step, and says where it went differently.
//
// Silence is proved, not waited for: a fence sends PING twice and wants PONG, PONG and nothing
// else. Twice, because what another reactor delivers may follow the first PONG but never the
// second. Every client still open at the end of a transcript is fenced.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "tests/golden/peer.h"

namespace pipit::golden {

class Player {
 public:
  Player(Peer& peer, test::Deadline deadline) : peer_(peer), deadline_(deadline) {}

  // Requires: the peer is started. Returns nothing, or what went wrong and in which line.
  std::string play(const Transcript& transcript);

 private:
  struct Client {
    std::unique_ptr<Wire> wire;
    std::string in;        // arrived and not yet accounted for
    std::string json;      // the last object that ~json, or the opening INFO, took
    std::string response;  // the last HTTP head
    std::string body;
    bool framed = false;  // an upgraded connection whose frames the transcript writes
    bool open = true;
    test::Deadline::Clock::time_point since = test::Deadline::Clock::now();
  };
  using Failure = std::string;  // empty: none

  Failure perform(const Step& step);
  Failure perform_for(Client& client, const Step& step);
  Failure open(const Step& step);
  Failure upgrade(Client& client, const Step& step);
  Failure expect(Client& client, const Pattern& pattern);
  void send_frame(Client& client, const Step& step);
  Failure expect_frame(Client& client, const Step& step);
  Failure expect_pieces(Client& client, const Step& step);
  Failure take_close_frame(Client& client, std::optional<Goodbye>& said);
  Failure expect_closed(Client& client, const std::string& goodbye);
  Failure expect_response(Client& client, const std::string& status);
  Failure check(const Client& client, const std::string& claim);
  // Sends two PINGs; what arrives before the PONGs goes to `between`.
  Failure fence(Client& client, std::string& between);
  Failure silent(Client& client);
  Failure total(const Step& step);
  // Waits for more bytes of `client`; `wanted` is for the failure.
  Failure more(Client& client, const std::string& wanted);
  bool drop_rtt_ping(Client& client);
  static std::optional<std::string> header(const std::string& head, const std::string& name);
  static Failure differs(std::string_view wanted, std::string_view got);

  Peer& peer_;
  test::Deadline deadline_;
  std::map<std::string, Client> clients_;
};

}  // namespace pipit::golden
