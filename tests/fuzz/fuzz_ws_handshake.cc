// Upgrade requests from strangers: the same verdict however they are cut, and an answer that is ours
// word for word whatever they wrote.
//
// The first two bytes are the listener's rules and where to cut.
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/transport/ws_peer.h"
#include "transport/ws_deflate.h"

using namespace pipit::net;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

WsPeer::Setup setup_of(uint8_t how) {
  WsPeer::Setup setup;
  WsHandshakeRules& rules = setup.rules;
  rules.same_origin = (how & 1) != 0;
  rules.compression = (how & 2) != 0;
  rules.tls = (how & 4) != 0;
  if ((how & 8) != 0) rules.headers = {{"X-Team", "blue"}};
  if ((how & 16) != 0) {
    rules.allowed_origins.resize(1);
    require(parse_origin("https://good.example", rules.allowed_origins[0]));
  }
  return setup;
}

struct Outcome {
  std::string answer, why, received;
  bool opened = false, accepted = false, compression = false, no_masking = false, browser = false;
  int window = 0, ends = 0;
  std::string forwarded_for;
  bool operator==(const Outcome&) const = default;
};

Outcome play(std::string_view bytes, uint8_t how, size_t piece) {
  WsPeer peer(setup_of(how));
  for (size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at))
    peer.wire->feed(bytes.substr(at, piece));
  Outcome outcome;
  if (!peer.opened) peer.stream->close(0, "");
  if (peer.opened) {
    const WsUpgrade& upgrade = *peer.opened;
    outcome = {.opened = true, .accepted = upgrade.accepted, .compression = upgrade.compression,
               .no_masking = upgrade.no_masking, .browser = upgrade.browser,
               .window = upgrade.server_max_window_bits, .forwarded_for = upgrade.forwarded_for};
    if (upgrade.accepted) require(peer.wire->written().starts_with(upgrade.response));
    if (!upgrade.accepted) require(peer.handler.ends == 1 && peer.handler.received.empty());
    outcome.answer = upgrade.response;
  } else {
    outcome.answer = peer.wire->written();
    require(peer.handler.ends == 0);
  }
  outcome.why = peer.handler.end_why;
  outcome.received = peer.handler.received;
  outcome.ends = peer.handler.ends;
  require(peer.handler.open_allocs == 0);
  return outcome;
}

// Of an answer to an upgrade each line is one of these: nothing of the request gets into it.
void check_accepted(const Outcome& outcome, uint8_t how) {
  std::string_view rest = outcome.answer;
  auto take = [&](std::string_view text) {
    if (!rest.starts_with(text)) return false;
    rest.remove_prefix(text.size());
    return true;
  };
  require(take("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: "));
  require(rest.find('\r') == 28);
  rest.remove_prefix(28);
  require(take("\r\n"));
  if (outcome.compression) {
    require(kDeflateBuilt && (how & 2) != 0);
    require(take("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                 "client_no_context_takeover"));
    require(outcome.window >= kMinWindowBits && outcome.window <= 15);
    if (outcome.window < 15)
      require(take("; server_max_window_bits=" + std::to_string(outcome.window)));
    require(take("\r\n"));
  }
  if (outcome.no_masking) require(take("Nats-No-Masking: true\r\n"));
  if ((how & 8) != 0) require(take("X-Team: blue\r\n"));
  require(rest == "\r\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t how = data[0];
  std::string bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  // Lines are judged at their end, at the latest.
  if (!bytes.ends_with('\n')) bytes += '\n';
  // What follows the head is another matter when it comes later: frames.
  HttpHead head;
  size_t head_size = 0;
  const bool whole = parse_http_head(bytes, head, head_size) == HttpParse::done;
  const bool early = whole && head_size < bytes.size();
  if (early) {
    require(!play(bytes, how, SIZE_MAX).accepted);
    bytes.resize(head_size);
  }
  const Outcome first = play(bytes, how, SIZE_MAX);
  if (first.accepted) {
    require(whole && first.ends == 0);
    check_accepted(first, how);
  } else {
    // Yes and good-bye: nats-server's word for the leaf nodes that it does not serve.
    require(first.answer.starts_with("HTTP/1.1 4") || first.answer.starts_with("HTTP/1.1 101"));
  }
  require(play(bytes, how, 1) == first);
  require(play(bytes, how, 1 + data[1]) == first);
  return 0;
}
