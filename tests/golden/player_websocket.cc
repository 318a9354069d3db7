// The part of a Player that speaks HTTP and WebSocket frames by hand.
#include "tests/golden/player.h"
#include "tests/support/ws_frame.h"

namespace pipit::golden {

using test::WsFrame;

namespace {

std::string describe(const FrameSpec& frame, size_t close_code) {
  std::string text = "op" + std::to_string(frame.op) + " rsv=" + std::to_string(frame.rsv) +
                     (frame.fin ? " fin" : " nofin");
  if (close_code > 0) text += " code " + std::to_string(close_code);
  return text + ": ";
}

}  // namespace

// The value of header `name` in `head`; names as the server wrote them.
std::optional<std::string> Player::header(const std::string& head, const std::string& name) {
  size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return std::nullopt;
  at += name.size() + 4;
  return head.substr(at, head.find("\r\n", at) - at);
}

// "upgrade /path | Header: value | Header: value": both optional.
Player::Failure Player::upgrade(Client& client, const Step& step) {
  std::string_view rest = step.text;
  std::string path = "/", headers;
  while (!rest.empty()) {
    size_t end = std::min(rest.find(" | "), rest.size());
    std::string_view part = rest.substr(0, end);
    if (part.starts_with("| ")) part.remove_prefix(2);
    if (part.starts_with('/'))
      path = part;
    else
      headers.append(part).append("\r\n");
    rest.remove_prefix(std::min(end + 3, rest.size()));
  }
  client.wire->send(test::upgrade_request(path, headers));
  if (Failure what = expect_response(client, "101 Switching Protocols"); !what.empty()) return what;
  auto accept = header(client.response, "Sec-WebSocket-Accept");
  if (accept != test::kUpgradeAccept) return "wrong Sec-WebSocket-Accept in " + client.response;
  client.framed = true;
  return {};
}

void Player::send_frame(Client& client, const Step& step) {
  WsFrame frame{step.frame.op,     step.frame.rsv,       step.frame.fin,
                step.frame.masked, step.pattern.bytes(), step.frame.length};
  if (frame.op == test::kWsClose && step.count > 0)
    frame.payload = test::close_payload(static_cast<uint16_t>(step.count), frame.payload);
  if (step.frame.deflated) {
    frame.payload = test::deflate_message(frame.payload);
    frame.rsv |= 4;
  }
  client.wire->send(frame.bytes());
}

Player::Failure Player::expect_frame(Client& client, const Step& step) {
  if (step.frame.pieces) return expect_pieces(client, step);
  std::string wanted = describe(step.frame, step.count) + step.pattern.source();
  std::optional<WsFrame> frame;
  for (;;) {
    while (!(frame = test::take_frame(client.in)))
      if (Failure what = more(client, wanted); !what.empty()) return what;
    if (frame->payload != "PING\r\n" ||
        step.pattern.match("PING\r\n").verdict == Pattern::Verdict::match)
      break;
    client.in.insert(0, frame->payload);
    if (!drop_rtt_ping(client)) return differs(wanted, "an unexpected PING");
  }
  FrameSpec seen{frame->op, frame->rsv, frame->fin, frame->masked, false, {}};
  size_t code = frame->op == test::kWsClose ? test::close_code(frame->payload) : 0;
  std::string payload = frame->payload;
  if (code > 0) payload.erase(0, 2);
  std::string got = describe(seen, code) + payload;
  uint8_t rsv = step.frame.deflated ? 4 : step.frame.rsv;
  if (frame->masked) return "a masked frame from the server: " + visible(got);
  if (frame->op != step.frame.op || frame->fin != step.frame.fin || frame->rsv != rsv ||
      code != step.count)
    return differs(wanted, got);
  if (step.frame.deflated) {
    auto plain = test::inflate_message(payload);
    if (!plain) return "not deflate: " + visible(got);
    payload = *plain;
  }
  Pattern::Outcome outcome = step.pattern.match(payload);
  if (outcome.verdict != Pattern::Verdict::match || outcome.length != payload.size())
    return differs(wanted, describe(seen, code) + payload);
  if (!outcome.json.empty()) client.json = outcome.json;
  return {};
}

// What one frame could carry comes in several, each complete and not longer than allowed.
Player::Failure Player::expect_pieces(Client& client, const Step& step) {
  std::string payload, wanted = step.pattern.source();
  for (size_t frames = 1;; ++frames) {
    std::optional<WsFrame> frame;
    while (!(frame = test::take_frame(client.in)))
      if (Failure what = more(client, wanted + " after " + payload); !what.empty()) return what;
    if (frame->op != step.frame.op || !frame->fin || frame->rsv != 0)
      return "a frame of another kind among the pieces";
    if (frame->payload.size() > *step.frame.pieces)
      return "a frame of " + std::to_string(frame->payload.size()) + " bytes";
    payload += frame->payload;
    Pattern::Outcome outcome = step.pattern.match(payload);
    if (outcome.verdict == Pattern::Verdict::incomplete) continue;
    if (outcome.verdict == Pattern::Verdict::match && outcome.length == payload.size())
      return frames > 1 ? "" : "all in one frame";
    return differs(wanted, payload);
  }
}

// After the end of a framed connection: what is left may only be a close frame.
Player::Failure Player::take_close_frame(Client& client, std::optional<Goodbye>& said) {
  if (!client.framed || client.in.empty()) return {};
  std::string all = client.in;
  auto frame = test::take_frame(client.in);
  if (!frame || frame->op != test::kWsClose || !client.in.empty())
    return differs("the end of the connection", all);
  said = Goodbye{test::close_code(frame->payload),
                 frame->payload.size() > 2 ? frame->payload.substr(2) : ""};
  return {};
}

Player::Failure Player::expect_response(Client& client, const std::string& status) {
  std::string wanted = "HTTP/1.1 " + status;
  size_t end;
  while ((end = client.in.find("\r\n\r\n")) == std::string::npos)
    if (Failure what = more(client, wanted); !what.empty()) return what;
  client.response = client.in.substr(0, end + 2);
  client.in.erase(0, end + 4);
  size_t size = std::stoul(header(client.response, "Content-Length").value_or("0"));
  while (client.in.size() < size)
    if (Failure what = more(client, "a body"); !what.empty()) return what;
  client.body = client.in.substr(0, size);
  client.in.erase(0, size);
  if (client.response.starts_with(wanted + "\r\n")) return {};
  return differs(wanted, client.response);
}

}  // namespace pipit::golden
