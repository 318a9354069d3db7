// Proves what a WebSocket client's frames become, through the fast lane and through wslay alone: the
// same bytes and the same end, however the frames are cut; pausing; memory that is not spent.
#include <doctest/doctest.h>

#include <malloc.h>

#include "tests/transport/ws_peer.h"
#include "transport/ws_frame.h"

using namespace pipit::net;
using pipit::test::WsFrame;

namespace {

WsPeer::Setup lane(bool fast) {
  WsPeer::Setup setup;
  setup.fast_lane = fast;
  return setup;
}

std::string bytes_of(std::initializer_list<WsFrame> frames) {
  std::string bytes;
  for (const WsFrame& frame : frames) bytes += frame.bytes();
  return bytes;
}

struct Outcome {
  std::string received, why, answered;
  int ends = 0;
  uint16_t code = 0;
  bool operator==(const Outcome&) const = default;
};

// Feeds `bytes` in pieces of `piece`.
Outcome play(const std::string& bytes, WsPeer::Setup setup, size_t piece,
             std::string_view extra = "") {
  WsPeer peer(std::move(setup));
  peer.upgrade(extra);
  for (size_t at = 0; at < bytes.size(); at += piece) peer.wire->feed(bytes.substr(at, piece));
  CHECK(peer.handler.open_allocs == 0);
  return {peer.handler.received, peer.handler.end_why, peer.wire->written(), peer.handler.ends,
          peer.handler.end_code};
}

// By both lanes, in one piece and in small ones: the outcome of all.
Outcome everywhere(const std::string& bytes, std::string_view extra = "") {
  Outcome first = play(bytes, lane(true), SIZE_MAX, extra);
  for (bool fast : {true, false}) {
    for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{64}, SIZE_MAX}) {
      for (size_t buffer : {1u, 5u, 4096u}) {
        CAPTURE(fast);
        CAPTURE(piece);
        CAPTURE(buffer);
        WsPeer::Setup setup = lane(fast);
        setup.buffer_size = buffer;
        CHECK(play(bytes, std::move(setup), piece, extra) == first);
      }
    }
  }
  return first;
}

void refused(const std::string& bytes, const std::string& why, uint16_t code = 1002,
             std::string_view extra = "") {
  CAPTURE(why);
  Outcome outcome = everywhere(bytes + WsFrame{.payload = "never seen"}.bytes(), extra);
  CHECK(outcome.why == why);
  CHECK(outcome.code == code);
  CHECK(outcome.ends == 1);
  CHECK(outcome.received.empty());
  auto frame = pipit::test::take_frame(outcome.answered);
  REQUIRE(frame.has_value());
  CHECK(frame->op == kWsClose);
  CHECK(pipit::test::close_code(frame->payload) == code);
  CHECK(frame->payload.substr(2) == why);
  CHECK(outcome.answered.empty());
}

}  // namespace

TEST_CASE("payloads of all sizes arrive as they were sent, binary and text") {
  std::string bytes, wanted;
  for (size_t size : {0u, 1u, 2u, 125u, 126u, 127u, 0u, 65535u, 65536u, 70000u, 3u}) {
    std::string payload;
    for (size_t i = 0; i < size; ++i) payload += static_cast<char>(i * 7 + size);
    WsFrame frame{.payload = payload};
    if (size % 2 == 1) frame.op = kWsText;  // not UTF-8, and nobody minds
    bytes += frame.bytes();
    wanted += payload;
  }
  for (bool fast : {true, false}) {
    for (size_t piece : {size_t{13}, size_t{4096}, SIZE_MAX}) {
      Outcome outcome = play(bytes, lane(fast), piece);
      CHECK(outcome.received == wanted);
      CHECK(outcome.ends == 0);
    }
  }
}

TEST_CASE("fragments are joined, with control frames between them") {
  Outcome outcome = everywhere(bytes_of({{.op = kWsText, .fin = false, .payload = "one "},
                                         {.op = kWsPing, .payload = "now"},
                                         {.op = kWsContinuation, .fin = false, .payload = ""},
                                         {.op = kWsContinuation, .fin = false, .payload = "two "},
                                         {.op = kWsPong, .payload = "unasked"},
                                         {.op = kWsContinuation, .payload = "three "},
                                         {.payload = "four"}}));
  CHECK(outcome.received == "one two three four");
  CHECK(outcome.ends == 0);
  CHECK(outcome.answered == WsFrame{.op = kWsPong, .masked = false, .payload = "now"}.bytes());
}

TEST_CASE("what is wrong with a head is told in nats-server's words") {
  refused(bytes_of({{.rsv = 2, .payload = "x"}}), "RSV2 and RSV3 must be clear");
  refused(bytes_of({{.rsv = 5, .payload = "x"}}), "RSV2 and RSV3 must be clear");
  refused(bytes_of({{.rsv = 4, .payload = "x"}}),
          "compressed frame received without negotiated permessage-deflate");
  refused(bytes_of({{.masked = false, .payload = "x"}}), "mask bit missing");
  refused(bytes_of({{.op = kWsPing, .payload = std::string(126, 'p')}}),
          "control frame length bigger than maximum allowed of 125 bytes");
  refused(bytes_of({{.op = kWsPing, .fin = false, .payload = "p"}}),
          "control frame does not have final bit set");
  refused(bytes_of({{.fin = false, .payload = ""}, {.payload = "x"}}),
          "new message started before final frame for previous message was received");
  refused(bytes_of({{.op = kWsContinuation, .payload = "x"}}), "invalid continuation frame");
  refused(bytes_of({{.op = kWsContinuation, .payload = ""}}), "invalid continuation frame");
  refused(bytes_of({{.op = 3, .payload = "x"}}), "unknown opcode 3");
  refused(bytes_of({{.op = 11, .payload = "x"}}), "unknown opcode 11");
  refused(bytes_of({{.payload = "x", .length = 1ull << 63}}), "invalid 64-bit payload length");
  refused(std::string("\x82\xfe\0\1zzzzx", 9), "payload length not in its shortest form");
}

TEST_CASE("what is wrong with a close frame too") {
  using pipit::test::close_payload;
  refused(bytes_of({{.op = kWsClose, .payload = "x"}}), "close frame payload cannot be 1 byte");
  for (uint16_t code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535})
    refused(bytes_of({{.op = kWsClose, .payload = close_payload(code, "x")}}),
            "invalid close status code " + std::to_string(code));
  refused(bytes_of({{.op = kWsClose, .payload = close_payload(1000, "\xff\xfe")}}),
          "invalid utf8 body in close frame", 1007);
  refused(bytes_of({{.op = kWsClose, .payload = close_payload(1000, "cut \xc3")}}),
          "invalid utf8 body in close frame", 1007);
}

TEST_CASE("a close is answered in kind, after what came before it") {
  auto masked = [](std::string payload) {
    return bytes_of({{.payload = "last words"}, {.op = kWsClose, .payload = payload}});
  };
  for (std::string payload : {pipit::test::close_payload(1000, "bye"),
                              pipit::test::close_payload(4321, ""), std::string()}) {
    Outcome outcome = everywhere(masked(payload) + "rubbish");
    CHECK(outcome.received == "last words");
    CHECK(outcome.ends == 1);
    CHECK(outcome.code == (payload.empty() ? 1005 : pipit::test::close_code(payload)));
    CHECK(outcome.answered ==
          WsFrame{.op = kWsClose, .masked = false, .payload = payload}.bytes());
  }
}

TEST_CASE("unmasked frames are read where that was agreed") {
  Outcome outcome = everywhere(bytes_of({{.masked = false, .payload = "one "},
                                         {.fin = false, .masked = false, .payload = "two "},
                                         {.op = kWsPing, .masked = false, .payload = "p"},
                                         {.op = kWsContinuation, .masked = false, .payload = "3 "},
                                         {.payload = "masked"}}),
                               "Nats-No-Masking: true\r\n");
  CHECK(outcome.received == "one two 3 masked");
  CHECK(outcome.ends == 0);
}

TEST_CASE("a frame that announces a huge size costs what it brings") {
  for (bool fast : {true, false}) {
    for (bool fin : {true, false}) {
      WsPeer peer(lane(fast));
      peer.upgrade();
      struct mallinfo2 before = mallinfo2();
      std::string bytes =
          WsFrame{.fin = fin, .payload = "PING", .length = (1ull << 63) - 1}.bytes();
      peer.wire->feed(bytes);
      CHECK(peer.handler.received == "PING");
      CHECK(peer.handler.ends == 0);
      CHECK(mallinfo2().uordblks < before.uordblks + 16 * 1024);
    }
  }
}

TEST_CASE("a message that never ends costs nothing between its pieces") {
  for (bool fast : {true, false}) {
    for (std::string_view piece : {"", "x", "some more of it"}) {
      CAPTURE(piece);
      WsPeer peer(lane(fast));
      peer.upgrade();
      const std::string fragment =
          WsFrame{.op = kWsContinuation, .fin = false, .payload = std::string(piece)}.bytes();
      std::string many;
      for (int i = 0; i < 100; ++i) many += fragment;
      peer.send(WsFrame{.fin = false, .payload = many});
      struct mallinfo2 before = mallinfo2();
      size_t total = 0;
      for (int i = 0; i < 100; ++i) {
        peer.wire->feed(many);
        const size_t inside = 3 + piece.size();
        peer.wire->feed(fragment.substr(0, inside));
        total += peer.handler.received.size();
        peer.handler.received = std::string();
        CHECK(mallinfo2().uordblks < before.uordblks + 4 * 1024);
        peer.wire->feed(fragment.substr(inside));
      }
      CHECK(total + peer.handler.received.size() == many.size() + 101 * 100 * piece.size());
      peer.send(WsFrame{.op = kWsContinuation, .payload = "end"});
      CHECK(peer.handler.received.ends_with("end"));
      CHECK(peer.handler.ends == 0);
    }
  }
}

TEST_CASE("an unmasked frame is refused when its next byte comes in another read") {
  refused(std::string("\x82\x01x", 3), "mask bit missing");
}

TEST_CASE("a close is taken at once by who cannot be written to") {
  // Nothing is under way: the answer waits in vain. In half a frame: there is no place for it.
  for (size_t room : {0u, 4u}) {
    WsPeer peer;
    peer.upgrade();
    peer.wire->allow(room);
    peer.write("0123456789");
    peer.send(WsFrame{.op = kWsPing, .payload = "p"});
    peer.send(WsFrame{.op = kWsClose, .payload = pipit::test::close_payload(1000, "")});
    CHECK(peer.handler.ends == 1);
    CHECK(peer.handler.end_code == 1000);
    CHECK(peer.wire->closed());
    CHECK(peer.wire->written().size() == room);
    CHECK(peer.stream->held_bytes() < 64);
  }
}

TEST_CASE("a flood of pings to a client that does not read costs little, and the last is answered") {
  WsPeer peer;
  peer.upgrade();
  peer.wire->allow(1);  // the first pong gets stuck
  std::string pings;
  for (int i = 0; i < 5000; ++i)
    pings += WsFrame{.op = kWsPing, .payload = "ping " + std::to_string(i)}.bytes();
  peer.wire->feed(pings);
  CHECK(peer.stream->held_bytes() < 8 * 1024);
  CHECK(peer.handler.ends == 0);
  peer.wire->allow(SIZE_MAX);
  CHECK(peer.stream->held_bytes() == 0);
  auto frame = peer.take();
  REQUIRE(frame.has_value());
  CHECK(frame->payload == "ping 0");
  std::string last;
  while ((frame = peer.take())) {
    CHECK(frame->op == kWsPong);
    last = frame->payload;
  }
  CHECK(last == "ping 4999");
  CHECK(peer.wire->written().empty());
}

TEST_CASE("a handler that pauses gets no more, and the rest when it goes on") {
  for (bool fast : {true, false}) {
    WsPeer::Setup setup = lane(fast);
    setup.buffer_size = 64;
    WsPeer peer(std::move(setup));
    peer.upgrade();
    bool paused = false;
    peer.handler.when_read = [&] {
      CHECK_FALSE(paused);
      paused = true;
      peer.stream->pause_reading();
    };
    std::string bytes, wanted;
    for (int i = 0; i < 40; ++i) {
      std::string payload = "message " + std::to_string(i) + " ";
      bytes += WsFrame{.payload = payload}.bytes();
      wanted += payload;
    }
    bytes += WsFrame{.op = kWsClose, .payload = pipit::test::close_payload(1000, "")}.bytes();
    peer.wire->feed(bytes);
    while (peer.handler.ends == 0) {
      REQUIRE(paused);
      REQUIRE(peer.handler.received.size() <= wanted.size());
      paused = false;
      peer.stream->resume_reading();
    }
    CHECK(peer.handler.received == wanted);
    CHECK(peer.handler.end_code == 1000);
  }
}

TEST_CASE("the connection's end is passed on, with code 0") {
  WsPeer peer;
  peer.upgrade();
  peer.wire->feed("\x82");
  peer.wire->end(104);
  CHECK(peer.handler.ends == 1);
  CHECK(peer.handler.end_errno == 104);
  CHECK(peer.handler.end_code == 0);
  CHECK(peer.wire->written().empty());
}

TEST_CASE("a handler that closes hears no more") {
  for (bool fast : {true, false}) {
    WsPeer peer(lane(fast));
    peer.upgrade();
    peer.handler.when_read = [&] { peer.stream->close(1008, "enough"); };
    peer.wire->feed(bytes_of({{.payload = "x"}, {.masked = false, .payload = "wrong"}}));
    CHECK(peer.handler.ends == 0);
    CHECK(peer.wire->closed());
    auto frame = peer.take();
    REQUIRE(frame.has_value());
    CHECK(peer.wire->written().empty());
  }
}
