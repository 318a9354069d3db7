// Proves permessage-deflate: messages in and out are independent, limits hold before memory is spent,
// what is corrupt ends the connection, and a slow reader or a paused handler loses nothing.
#include "transport/ws_deflate.h"

#include <doctest/doctest.h>

#include <malloc.h>
#include <zlib.h>

#include "tests/transport/ws_peer.h"
#include "transport/ws_frame.h"

using namespace pipit::net;
using pipit::test::WsFrame;

namespace {

const std::string kOffer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

WsPeer::Setup compressing(bool fast = true, size_t max_message = 1 << 20) {
  WsPeer::Setup setup;
  setup.rules.compression = true;
  setup.fast_lane = fast;
  setup.max_message = max_message;
  return setup;
}

WsFrame deflated(std::string_view plain) {
  return {.rsv = 4, .payload = pipit::test::deflate_message(plain)};
}

// Text that compresses, but not to nothing.
std::string chatter(size_t size) {
  std::string text;
  for (uint32_t i = 1; text.size() < size; i = i * 1664525 + 1013904223)
    text += "word" + std::to_string(i >> 20) + " ";
  text.resize(size);
  return text;
}

// All payload in the frames that the server sent.
std::string sent(WsPeer& peer) {
  std::string all, message;
  bool compressed = false;
  while (auto frame = peer.take()) {
    if (frame->op == kWsBinary) compressed = frame->rsv == 4;
    message += frame->payload;
    if (!frame->fin) continue;
    auto plain = compressed ? pipit::test::inflate_message(message) : message;
    REQUIRE(plain.has_value());
    all += *plain;
    message.clear();
  }
  CHECK(peer.wire->written().empty());
  return all;
}

// Byte by byte: zlib looks further back than its window as long as it finds that in the output.
std::string inflate_with_window(std::string packed, int bits) {
  packed.append("\0\0\xff\xff", 4);
  z_stream z{};
  inflateInit2(&z, -bits);
  z.next_in = reinterpret_cast<Bytef*>(packed.data());
  z.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  for (Bytef byte = 0;; out += static_cast<char>(byte)) {
    z.next_out = &byte;
    z.avail_out = 1;
    if (inflate(&z, Z_SYNC_FLUSH) != Z_OK || z.avail_out > 0) break;
  }
  inflateEnd(&z);
  return out;
}

}  // namespace

TEST_CASE("compressed, plain and fragmented messages mix, however they are cut") {
  const std::string text = chatter(20000), noise = chatter(300);
  std::string packed = pipit::test::deflate_message(text);
  std::string bytes = deflated(noise).bytes() + WsFrame{.payload = "plain"}.bytes();
  bytes += WsFrame{.rsv = 4, .fin = false, .payload = packed.substr(0, 100)}.bytes();
  bytes += WsFrame{.op = kWsPing, .payload = "p"}.bytes();
  bytes += WsFrame{.op = kWsContinuation, .fin = false, .payload = packed.substr(100, 5)}.bytes();
  bytes += WsFrame{.op = kWsContinuation, .payload = packed.substr(105)}.bytes();
  bytes += deflated("").bytes() + WsFrame{.rsv = 4, .payload = ""}.bytes() + deflated("x").bytes();
  for (bool fast : {true, false}) {
    for (size_t piece : {size_t{1}, size_t{7}, size_t{100}, SIZE_MAX}) {
      for (size_t buffer : {1u, 100u, 65536u}) {
        CAPTURE(fast);
        CAPTURE(piece);
        CAPTURE(buffer);
        WsPeer::Setup setup = compressing(fast);
        setup.buffer_size = buffer;
        WsPeer peer(std::move(setup));
        peer.upgrade(kOffer);
        for (size_t at = 0; at < bytes.size(); at += piece)
          peer.wire->feed(bytes.substr(at, piece));
        CHECK(peer.handler.received == noise + "plain" + text + "x");
        CHECK(peer.handler.ends == 0);
        CHECK(peer.handler.open_allocs == 0);
      }
    }
  }
}

TEST_CASE("what inflates to more than allowed is cut off there, with 1009") {
  for (bool fast : {true, false}) {
    for (bool fragmented : {true, false}) {
      WsPeer peer(compressing(fast, 1000));
      peer.upgrade(kOffer);
      peer.send(deflated(std::string(1000, 'a')));
      CHECK(peer.handler.received.size() == 1000);
      CHECK(peer.handler.ends == 0);
      WsFrame bomb = deflated(std::string(10'000'000, 'b'));
      if (fragmented) bomb.fin = false;
      struct mallinfo2 before = mallinfo2();
      peer.send(bomb);
      CHECK(peer.handler.received.size() == 2000);
      CHECK(peer.handler.ends == 1);
      CHECK(peer.handler.end_code == 1009);
      CHECK(mallinfo2().uordblks < before.uordblks + 64 * 1024);
      auto frame = peer.take();
      REQUIRE(frame.has_value());
      CHECK(pipit::test::close_code(frame->payload) == 1009);
    }
  }
}

TEST_CASE("who has not logged in gets no inflater for a message that is not complete") {
  std::string packed = pipit::test::deflate_message(chatter(20000));
  REQUIRE(packed.size() > 5000);
  packed.resize(4000);
  for (bool fast : {true, false}) {
    for (bool fin : {true, false}) {
      for (size_t piece : {size_t{1}, size_t{1000}, SIZE_MAX}) {
        WsPeer::Setup setup = compressing(fast);
        setup.trusted = false;
        WsPeer peer(std::move(setup));
        peer.upgrade(kOffer);
        peer.send(deflated("warm"));
        peer.send(WsFrame{.payload = std::string(5000, 'w')});
        peer.handler.received = std::string();
        WsFrame frame{.rsv = 4, .fin = fin, .payload = packed};
        if (fin) frame.length = packed.size() + 100;
        const std::string bytes = frame.bytes();
        struct mallinfo2 before = mallinfo2();
        for (size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at))
          peer.wire->feed(std::string_view(bytes).substr(at, piece));
        CHECK(mallinfo2().uordblks < before.uordblks + 5 * 1024);
        CHECK(peer.handler.received.empty());
        CHECK(peer.handler.ends == 0);
      }
    }
  }
}

TEST_CASE("a stranger's compressed message may be long if what it begins with is the login") {
  const std::string text = chatter(60000);
  const std::string bytes = deflated(text).bytes() + WsFrame{.payload = "after"}.bytes();
  for (bool fast : {true, false}) {
    for (bool login : {true, false}) {
      for (bool paused : {true, false}) {
        for (size_t piece : {size_t{7}, SIZE_MAX}) {
          CAPTURE(fast);
          CAPTURE(login);
          CAPTURE(paused);
          WsPeer::Setup setup = compressing(fast);
          setup.trusted = false;
          WsPeer peer(std::move(setup));
          peer.upgrade(kOffer);
          auto decide = [&] {
            if (login) peer.stream->trust();
          };
          bool first = true;
          peer.handler.when_read = [&] {
            if (peer.handler.received.empty() || !std::exchange(first, false)) return;
            if (paused)
              peer.stream->pause_reading();  // it is asked elsewhere
            else
              decide();
          };
          for (size_t at = 0; at < bytes.size(); at += std::min(piece, bytes.size() - at))
            peer.wire->feed(std::string_view(bytes).substr(at, piece));
          if (paused) {
            CHECK(peer.handler.ends == 0);
            decide();
            peer.stream->resume_reading();
          }
          CHECK(peer.handler.ends == (login ? 0 : 1));
          CHECK(peer.handler.end_code == (login ? 0 : 1009));
          if (login) CHECK(peer.handler.received == text + "after");
        }
      }
    }
  }
}

TEST_CASE("bytes that are no deflate, and messages that are cut off, end it with 1007") {
  std::string cut = pipit::test::deflate_message(chatter(200));
  cut.resize(cut.size() / 2);
  for (bool fast : {true, false}) {
    for (const std::string& payload : {std::string(5, '\xff'), cut}) {
      WsPeer peer(compressing(fast));
      peer.upgrade(kOffer);
      peer.send(WsFrame{.rsv = 4, .payload = payload});
      CHECK(peer.handler.ends == 1);
      CHECK(peer.handler.end_code == 1007);
      CHECK(peer.wire->closed());
    }
  }
}

TEST_CASE("a final block ends a message early, the next one is whole again") {
  // RFC 7692, 7.2.3.4.
  const std::string hello("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8);
  for (bool fast : {true, false}) {
    WsPeer peer(compressing(fast));
    peer.upgrade(kOffer);
    peer.send(WsFrame{.rsv = 4, .payload = hello});
    peer.send(deflated(" again"));
    CHECK(peer.handler.received == "Hello again");
    CHECK(peer.handler.ends == 0);
  }
}

TEST_CASE("a paused handler gets no more of a message, and all of it in the end") {
  for (bool fast : {true, false}) {
    WsPeer::Setup setup = compressing(fast);
    setup.buffer_size = 1000;
    WsPeer peer(std::move(setup));
    peer.upgrade(kOffer);
    int reads = 0;
    peer.handler.when_read = [&] {
      ++reads;
      peer.stream->pause_reading();
    };
    const std::string text = chatter(50000);
    peer.wire->feed(deflated(text).bytes() + WsFrame{.payload = "after"}.bytes() +
                    deflated("end").bytes());
    const std::string wanted = text + "afterend";
    for (int resumed = 0; peer.handler.received != wanted; ++resumed) {
      REQUIRE(resumed < 200);
      // The slow lane finishes what wslay has in hand: 4 KiB of compressed bytes.
      if (fast) CHECK(reads <= resumed + 1);
      peer.stream->resume_reading();
    }
    peer.handler.when_read = nullptr;
    peer.stream->resume_reading();
    peer.send("and more");
    CHECK(peer.handler.received == wanted + "and more");
  }
}

TEST_CASE("more than 64 bytes go out compressed, each write by itself") {
  WsPeer peer(compressing());
  peer.upgrade(kOffer);
  for (size_t size : {1u, 64u, 65u, 200u, 200u}) {
    CAPTURE(size);
    const std::string text(size, 'x');
    CHECK(peer.write(text) == size);
    std::string copy = peer.wire->written();
    auto frame = pipit::test::take_frame(copy);
    REQUIRE(frame.has_value());
    CHECK(frame->rsv == (size > 64 ? 4 : 0));
    CHECK(sent(peer) == text);
  }
}

TEST_CASE("compressed frames to a browser are fragments, to Safari one frame") {
  const std::string text = chatter(60000);
  for (bool safari : {false, true}) {
    WsPeer peer(compressing());
    peer.upgrade(kOffer + "User-Agent: Mozilla/5.0 (Macintosh) " +
                 (safari ? "Version/17.0 Safari/605.1\r\n" : "Chrome/120.0 Safari/537\r\n"));
    CHECK(peer.write(text) == text.size());
    std::string copy = peer.wire->written();
    std::vector<WsFrame> frames;
    while (auto frame = pipit::test::take_frame(copy)) frames.push_back(*frame);
    REQUIRE(frames.size() > 0);
    CHECK((frames.size() == 1) == safari);
    for (size_t i = 0; i < frames.size(); ++i) {
      CHECK(frames[i].op == (i == 0 ? kWsBinary : kWsContinuation));
      CHECK(frames[i].rsv == (i == 0 ? 4 : 0));
      CHECK(frames[i].fin == (i + 1 == frames.size()));
      if (!safari) CHECK(frames[i].payload.size() <= 4096);
    }
    CHECK(sent(peer) == text);
  }
}

TEST_CASE("a slow reader gets everything, and what is held for it is bounded and counted") {
  WsPeer peer(compressing());
  peer.upgrade(kOffer);
  std::string text = chatter(1'000'000);
  size_t done = 0;
  auto go = [&] {
    if (done < text.size()) done += peer.write(std::string_view(text).substr(done));
  };
  peer.handler.when_writable = go;
  peer.wire->allow(0);
  go();
  CHECK(done > 0);
  CHECK(done < text.size());
  CHECK(peer.stream->held_bytes() > 0);
  bool ponged = false;
  while (done < text.size() || peer.stream->held_bytes() > 0) {
    CHECK(peer.stream->held_bytes() < 300 * 1024);
    // Until the last compressed byte is gone the writer is kept waiting.
    if (peer.stream->held_bytes() > 200) CHECK(done < text.size());
    if (done > text.size() / 2 && !std::exchange(ponged, true)) {
      peer.send(WsFrame{.op = kWsPing, .payload = "p"});
      text += "!";
    }
    size_t before = peer.wire->written().size();
    peer.wire->allow(10007);
    REQUIRE(peer.wire->written().size() > before);
  }
  std::string all, pong = WsFrame{.op = kWsPong, .masked = false, .payload = "p"}.bytes();
  size_t at = peer.wire->written().find(pong);
  REQUIRE(at != std::string::npos);
  peer.wire->written().erase(at, pong.size());
  CHECK(sent(peer) == text);
}

TEST_CASE("the client's limit on our window is kept") {
  WsPeer peer(compressing());
  peer.upgrade("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n");
  // The second half repeats the first from further back than 512 bytes.
  const std::string half = chatter(2000);
  peer.write(half + half);
  auto frame = peer.take();
  REQUIRE(frame.has_value());
  CHECK(frame->rsv == 4);
  CHECK(inflate_with_window(frame->payload, 9) == half + half);
}

TEST_CASE("compressed control and continuation frames are refused") {
  auto why = [](std::initializer_list<WsFrame> frames) {
    WsPeer peer(compressing());
    peer.upgrade(kOffer);
    for (const WsFrame& frame : frames) peer.send(frame);
    return peer.handler.end_why;
  };
  CHECK(why({{.op = kWsPing, .rsv = 4, .payload = "x"}}) == "control frame must not be compressed");
  CHECK(why({{.fin = false, .payload = "x"}, {.op = kWsContinuation, .rsv = 4, .payload = "x"}}) ==
        "invalid continuation frame");
}
