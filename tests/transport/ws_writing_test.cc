// Proves what goes out over a WebSocket: one frame a write, however little of it the socket takes at a
// time; frames for browsers; control frames between frames; the last words.
#include <doctest/doctest.h>

#include "tests/transport/ws_peer.h"
#include "transport/ws_frame.h"

using namespace pipit::net;
using pipit::test::WsFrame;

namespace {

iovec part(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

// Writes all of `text` in two parts a call, as a connection does: on, as soon as there is room.
struct Sender {
  WsPeer& peer;
  std::string text;
  size_t done = 0;

  void go() {
    std::string_view rest = std::string_view(text).substr(done);
    if (rest.empty()) return;
    iovec parts[] = {part(rest.substr(0, rest.size() / 3)), part(rest.substr(rest.size() / 3))};
    done += peer.stream->write(parts);
  }
};

}  // namespace

TEST_CASE("a write of many parts is one binary frame") {
  WsPeer peer;
  peer.upgrade();
  iovec parts[] = {part("one "), part(""), part("two "), part("three")};
  CHECK(peer.stream->write(parts) == 13);
  auto frame = peer.take();
  REQUIRE(frame.has_value());
  CHECK(frame->op == kWsBinary);
  CHECK(frame->fin);
  CHECK_FALSE(frame->masked);
  CHECK(frame->rsv == 0);
  CHECK(frame->payload == "one two three");
  CHECK(peer.wire->written().empty());
  CHECK(peer.stream->write({}) == 0);
  CHECK(peer.wire->written().empty());
}

TEST_CASE("a frame of which the socket takes a little at a time is finished first") {
  for (size_t size : {5u, 200u, 70000u}) {
    for (size_t step : {1u, 3u, 17u, 1000u}) {
      if (size / step > 10000) continue;
      CAPTURE(size);
      CAPTURE(step);
      WsPeer peer;
      peer.upgrade();
      Sender sender{peer, std::string(size, 'a')};
      for (size_t i = 0; i < size; ++i) sender.text[i] = static_cast<char>('a' + i % 26);
      peer.handler.when_writable = [&] { sender.go(); };
      peer.wire->allow(0);
      sender.go();
      bool more = false;
      while (sender.done < sender.text.size() || peer.stream->held_bytes() > 0) {
        // In the middle of the frame there is suddenly more to say, and a ping to answer.
        if (!more && sender.done > size / 2) {
          more = true;
          sender.text += "and more";
          peer.send(WsFrame{.op = kWsPing, .payload = "hello?"});
        }
        size_t before = peer.wire->written().size();
        peer.wire->allow(step);
        REQUIRE(peer.wire->written().size() > before);
      }
      std::string payload;
      int pongs = 0;
      while (auto frame = peer.take()) {
        if (frame->op == kWsPong) {
          ++pongs;
          CHECK(frame->payload == "hello?");
          CHECK(payload.size() >= size);
        } else {
          payload += frame->payload;
        }
      }
      CHECK(payload == sender.text);
      CHECK(pongs == (more ? 1 : 0));
      CHECK(peer.wire->written().empty());
    }
  }
}

TEST_CASE("a browser gets complete frames of at most 4096 bytes") {
  WsPeer peer;
  peer.upgrade("User-Agent: Mozilla/5.0 (X11; Linux) Firefox/115.0\r\n");
  Sender sender{peer, std::string(10000, 'x')};
  peer.handler.when_writable = [&] { sender.go(); };
  peer.wire->allow(5000);  // ends inside the second frame
  sender.go();
  CHECK(sender.done > 4096);
  CHECK(sender.done < 5000);
  sender.text += std::string(100, 'y');
  peer.wire->allow(SIZE_MAX);
  std::string payload;
  while (auto frame = peer.take()) {
    CHECK(frame->op == kWsBinary);
    CHECK(frame->fin);
    CHECK(frame->payload.size() <= 4096);
    payload += frame->payload;
  }
  CHECK(payload == sender.text);
  CHECK(peer.wire->written().empty());
}

TEST_CASE("a pong goes out at once, without a write") {
  WsPeer peer;
  peer.upgrade();
  peer.send(WsFrame{.op = kWsPing, .payload = ""});
  auto frame = peer.take();
  REQUIRE(frame.has_value());
  CHECK(frame->op == kWsPong);
  CHECK(peer.handler.writables == 0);
}

TEST_CASE("nothing is written before the upgrade, and the handler is called when it is there") {
  WsPeer peer;
  CHECK(peer.write("early") == 0);
  peer.handler.when_writable = [&] { CHECK(peer.write("early") == 5); };
  peer.wire->feed(pipit::test::upgrade_request("/", ""));
  CHECK(peer.handler.writables == 1);
  CHECK(peer.wire->written().ends_with("early"));
}

TEST_CASE("an answer to the upgrade that does not fit is finished before anything else") {
  WsPeer peer;
  peer.wire->allow(10);
  peer.wire->feed(pipit::test::upgrade_request("/", ""));
  REQUIRE(peer.opened.has_value());
  CHECK(peer.opened->accepted);
  CHECK(peer.write("INFO") == 0);
  peer.handler.when_writable = [&] { CHECK(peer.write("INFO") == 4); };
  peer.wire->allow(SIZE_MAX);
  CHECK(peer.wire->written() ==
        peer.opened->response + WsFrame{.masked = false, .payload = "INFO"}.bytes());
}

TEST_CASE("close says good-bye once, in at most 125 bytes") {
  WsPeer peer;
  peer.upgrade();
  peer.write("-ERR");
  peer.stream->close(1008, std::string(200, 'w'));
  peer.stream->close(1000, "again");
  auto frame = peer.take();
  REQUIRE(frame.has_value());
  CHECK(frame->payload == "-ERR");
  frame = peer.take();
  REQUIRE(frame.has_value());
  CHECK(frame->op == kWsClose);
  CHECK(pipit::test::close_code(frame->payload) == 1008);
  CHECK(frame->payload.substr(2) == std::string(120, 'w') + "...");
  CHECK(peer.wire->written().empty());
  CHECK(peer.wire->closed());
  CHECK(peer.write("swallowed") == 9);
}

TEST_CASE("inside half a frame there is no place for a good-bye") {
  WsPeer peer;
  peer.upgrade();
  peer.wire->allow(6);
  CHECK(peer.write("0123456789") == 4);
  peer.wire->allow(SIZE_MAX);
  peer.stream->close(1001, "Server Shutdown");
  CHECK(peer.wire->written() == std::string("\x82\x0a") + "0123");
  CHECK(peer.wire->closed());
}

TEST_CASE("what is written between the peer's close and ours comes before the answer") {
  WsPeer peer;
  peer.upgrade();
  peer.handler.when_end = [&] {
    CHECK(peer.write("PONG") == 4);
    peer.stream->close(1000, "Client Closed");
  };
  peer.send(WsFrame{.op = kWsClose, .payload = pipit::test::close_payload(4000, "done")});
  CHECK(peer.wire->written() ==
        WsFrame{.masked = false, .payload = "PONG"}.bytes() +
            WsFrame{.op = kWsClose,
                    .masked = false,
                    .payload = pipit::test::close_payload(4000, "done")}
                .bytes());
}
