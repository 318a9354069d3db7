// Proves frames that streams share: made once for all that agreed on the same, whole again at every
// client however little its socket takes at a time, with text before and after and pings between.
#include <doctest/doctest.h>

#include <cstring>

#include "tests/transport/ws_peer.h"
#include "transport/ws_frame.h"

using namespace pipit::net;
using pipit::test::WsFrame;

namespace {

const std::string kOffer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
const std::string kBrowser = kOffer + "User-Agent: Mozilla/5.0 (X11) Firefox/115.0\r\n";
const std::string kSafari = kOffer + "User-Agent: Mozilla/5.0 (Mac) Version/17.0 Safari/605.1\r\n";
const std::string kSmallWindow =
    "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";

WsPeer::Setup compressing() {
  WsPeer::Setup setup;
  setup.rules.compression = true;
  return setup;
}

// A payload in a slab of its own.
struct Payload {
  explicit Payload(size_t size, SlabPool& pool) : slab(pool.make(static_cast<uint32_t>(size))) {
    for (size_t i = 0; i < size; ++i)
      slab.bytes()[i] = static_cast<std::byte>('a' + i * i / 7 % 23);
    text = {reinterpret_cast<const char*>(slab.bytes()), size};
  }
  SlabRef slab;
  std::string_view text;
};

iovec part(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

// Everything that the frames carry; they are taken off the wire.
std::string carried(WsPeer& peer) {
  std::string all, message;
  bool compressed = false;
  while (auto frame = peer.take()) {
    if (frame->op >= kWsClose) continue;
    if (frame->op != kWsContinuation) compressed = frame->rsv == 4;
    message += frame->payload;
    if (!frame->fin) continue;
    all += compressed ? pipit::test::inflate_message(message).value_or("not deflate") : message;
    message.clear();
  }
  CHECK(peer.wire->written().empty());
  return all;
}

}  // namespace

TEST_CASE("nothing is shared where nothing is compressed") {
  WsPeer plain, other(compressing());
  plain.upgrade(kOffer);
  CHECK(plain.stream->sharer() == nullptr);
  other.upgrade();
  CHECK(other.stream->sharer() == nullptr);
  CHECK(plain.wire->closed() == false);
}

TEST_CASE("frames are made once a loop and agreement, and again when they were let go of") {
  WsScratch scratch;
  WsHandshakeRules rules;
  rules.compression = true;
  SlabPool pool;
  Payload payload(20000, pool);
  std::vector<std::unique_ptr<WsPeer>> peers;
  auto share = [&](const std::string& fields) {
    peers.push_back(std::make_unique<WsPeer>(compressing(), &scratch));
    peers.back()->upgrade(fields);
    return peers.back()->stream->sharer()->share(payload.slab, payload.text, "\r\n");
  };
  const SharedFrames first = share(kOffer);
  CHECK(share(kOffer).bytes.data() == first.bytes.data());
  CHECK(share(kSafari).bytes.data() == first.bytes.data());
  CHECK(scratch.messages_deflated() == 1);
  CHECK(share(kBrowser).bytes.data() != first.bytes.data());
  CHECK(scratch.messages_deflated() == 2);
  CHECK(share(kSmallWindow).bytes.data() != first.bytes.data());
  CHECK(scratch.messages_deflated() == 3);
  CHECK(share(kOffer).bytes.data() == first.bytes.data());
  CHECK_FALSE(payload.slab.unique());
  scratch.forget_shared();
  CHECK(payload.slab.unique());
  share(kOffer);
  CHECK(scratch.messages_deflated() == 4);
  // Other bytes at the same address are another payload only once the slab is free, which it is not
  // while they are remembered.
  CHECK_FALSE(payload.slab.unique());
}

TEST_CASE("shared frames arrive whole, whatever the socket takes at a time") {
  SlabPool pool;
  Payload payload(30000, pool);
  for (const std::string& fields : {kOffer, kBrowser, kSafari}) {
    for (size_t lead : {0u, 20u, 512u, 513u, 9000u}) {
      for (size_t step : {1u, 7u, 333u, 5000u, 1000000u}) {
        CAPTURE(fields);
        CAPTURE(lead);
        CAPTURE(step);
        WsPeer peer(compressing());
        peer.upgrade(fields);
        FrameSharer& sharer = *peer.stream->sharer();
        const SharedFrames frames = sharer.share(payload.slab, payload.text, "\r\n");
        const std::string text(lead, 't'), after = "after it";
        size_t text_done = 0, frames_done = 0, after_done = 0;
        auto go = [&] {
          if (frames_done < frames.bytes.size()) {
            iovec rest[] = {part(std::string_view(text).substr(text_done))};
            const size_t left = text.size() - text_done;
            const size_t taken =
                sharer.write_shared({rest, left > 0 ? 1u : 0u}, frames.bytes.substr(frames_done));
            text_done += std::min(taken, left);
            frames_done += taken - std::min(taken, left);
            if (frames_done < frames.bytes.size()) return;
          }
          after_done += peer.write(std::string_view(after).substr(after_done));
        };
        peer.handler.when_writable = go;
        peer.wire->allow(0);
        go();
        bool pinged = false;
        while (after_done < after.size() || peer.stream->held_bytes() > 0) {
          if (frames_done > 3000 && !std::exchange(pinged, true))
            peer.send(WsFrame{.op = kWsPing, .payload = "p"});
          const size_t before = peer.wire->written().size();
          peer.wire->allow(step);
          REQUIRE(peer.wire->written().size() > before);
        }
        CHECK(carried(peer) == text + std::string(payload.text) + "\r\n" + after);
      }
    }
  }
}

TEST_CASE("a little text in front of shared frames goes out plain") {
  SlabPool pool;
  Payload payload(30000, pool);
  WsPeer peer(compressing());
  peer.upgrade(kOffer);
  FrameSharer& sharer = *peer.stream->sharer();
  const SharedFrames frames = sharer.share(payload.slab, payload.text, "\r\n");
  iovec text = part("MSG a.subject.longer.than.what.would.be.compressed.if.it.stood.alone 42 30000\r\n");
  CHECK(sharer.write_shared({&text, 1}, frames.bytes) == text.iov_len + frames.bytes.size());
  auto frame = peer.take();
  REQUIRE(frame.has_value());
  CHECK(frame->rsv == 0);
  CHECK(frame->payload.size() == text.iov_len);
  CHECK(carried(peer) == std::string(payload.text) + "\r\n");
}
