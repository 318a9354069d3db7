// A WebSocket client's frames, through the fast lane and through wslay alone, cut differently: the
// same bytes go up, the same answers come down, it ends the same way. And while the client reads
// badly and is sent a lot: whole frames only, nothing lost, bounded memory.
//
// The first three bytes say how: rules and pauses, the cuts, the buffer. The rest is the wire, or
// with kBuilt a list of frames that this builds, masked and compressed as they should be.
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/ws_frame.h"
#include "tests/transport/ws_peer.h"
#include "transport/ws_deflate.h"
#include "transport/ws_frame.h"

using namespace pipit;
using namespace pipit::net;

namespace {

constexpr uint8_t kCompression = 1, kNoMasking = 2, kPauses = 4, kBuilt = 8, kBrowser = 16,
                  kSmallMessages = 32, kStranger = 64;

void require(bool truth) {
  if (!truth) std::abort();
}

struct Plan {
  uint8_t how = 0, cuts = 0, buffer = 0;
  bool is(uint8_t flag) const { return (how & flag) != 0; }
};

// Where to cut: always the same for the same seed.
class Cutter {
 public:
  explicit Cutter(uint8_t seed) : state_(seed * 2654435761U + 1), whole_(seed == 0) {}
  size_t next() {
    if (whole_) return SIZE_MAX;
    state_ = state_ * 1664525 + 1013904223;
    // Mostly small ones: heads are 2 to 14 bytes.
    return 1 + (state_ >> 24) % ((state_ & 0x7000) == 0 ? 256 : 9);
  }

 private:
  uint32_t state_;
  bool whole_;
};

// Each frame: the head's first byte; a byte of which bit 7 leaves the mask out, bit 6 compresses, bit
// 5 repeats the payload 40 times; the payload's size; the payload.
std::string build(std::string_view recipe) {
  std::string wire;
  while (recipe.size() >= 3) {
    const auto first = static_cast<uint8_t>(recipe[0]), how = static_cast<uint8_t>(recipe[1]);
    const size_t size = static_cast<uint8_t>(recipe[2]);
    std::string payload(recipe.substr(3, size));
    recipe.remove_prefix(std::min(recipe.size(), size + 3));
    if ((how & 0x20) != 0) {
      const std::string once = payload;
      for (int i = 1; i < 40; ++i) payload += once;
    }
    if ((how & 0x40) != 0 && kDeflateBuilt) payload = test::deflate_message(payload);
    wire += test::WsFrame{.op = static_cast<uint8_t>(first & 15),
                          .rsv = static_cast<uint8_t>(first >> 4 & 7),
                          .fin = (first & 0x80) != 0,
                          .masked = (how & 0x80) == 0,
                          .payload = payload}
                .bytes();
    if (wire.size() > 32 * 1024) break;
  }
  return wire;
}

struct Outcome {
  std::string received, answers, why;
  uint16_t code = 0;
  int ends = 0;
  bool operator==(const Outcome&) const = default;
};

WsPeer::Setup setup_of(const Plan& plan, bool fast_lane) {
  WsPeer::Setup setup;
  setup.fast_lane = fast_lane;
  setup.rules.compression = plan.is(kCompression);
  setup.max_message = plan.is(kSmallMessages) ? 1000 : 1 << 20;
  setup.trusted = !plan.is(kStranger);
  setup.buffer_size = plan.buffer == 0 ? 65536 : plan.buffer;
  return setup;
}

std::string fields_of(const Plan& plan) {
  std::string fields;
  if (plan.is(kCompression)) fields += "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  if (plan.is(kNoMasking)) fields += "Nats-No-Masking: true\r\n";
  if (plan.is(kBrowser)) fields += "User-Agent: Mozilla/5.0\r\n";
  return fields;
}

Outcome play(std::string_view wire, const Plan& plan, bool fast_lane, uint8_t cuts) {
  WsPeer peer(setup_of(plan, fast_lane));
  peer.upgrade(fields_of(plan));
  bool paused = false;
  auto pause = [&] {
    paused = true;
    peer.stream->pause_reading();
  };
  if (plan.is(kPauses)) peer.handler.when_read = pause;
  for (Cutter cutter(cuts); !wire.empty();) {
    const std::string_view piece = wire.substr(0, cutter.next());
    wire.remove_prefix(piece.size());
    peer.wire->feed(piece);
    if (plan.is(kPauses) && cutter.next() % 2 == 0) peer.stream->resume_reading();
  }
  while (std::exchange(paused, false)) peer.stream->resume_reading();
  require(peer.handler.open_allocs == 0);
  require(peer.handler.ends <= 1);
  return {peer.handler.received, peer.wire->written(), peer.handler.end_why, peer.handler.end_code,
          peer.handler.ends};
}

// What arrives is sent back to a client that takes a few bytes at a time.
void echo(std::string_view wire, const Plan& plan) {
  WsPeer peer(setup_of(plan, true));
  peer.upgrade(fields_of(plan));
  std::string pending, sent;
  auto write = [&] {
    const size_t taken = peer.write(pending);
    sent.append(pending, 0, taken);
    pending.erase(0, taken);
  };
  peer.handler.when_read = [&] {
    pending += peer.handler.received;
    peer.handler.received.clear();
    write();
  };
  peer.handler.when_writable = write;
  for (Cutter cutter(plan.cuts); !wire.empty();) {
    const std::string_view piece = wire.substr(0, cutter.next());
    wire.remove_prefix(piece.size());
    peer.wire->allow(cutter.next() % 64);
    peer.wire->feed(piece);
    require(peer.stream->held_bytes() < 300 * 1024);
  }
  const bool closed = peer.wire->closed();
  peer.wire->allow(SIZE_MAX);
  require(closed || pending.empty());

  std::string down = peer.wire->written(), data, message;
  bool compressed = false;
  while (auto frame = test::take_frame(down)) {
    require(!frame->masked && (frame->rsv & 3) == 0);
    if (frame->op >= kWsClose) {
      require(frame->fin && frame->rsv == 0 && frame->payload.size() <= kWsMaxControlPayload);
      continue;
    }
    require(frame->op == (message.empty() ? kWsBinary : kWsContinuation));
    if (plan.is(kBrowser)) require(frame->payload.size() <= 4096);
    if (message.empty()) compressed = frame->rsv != 0;
    message += frame->payload;
    if (!frame->fin) continue;
    data += compressed ? test::inflate_message(message).value_or("not deflate") : message;
    message.clear();
  }
  // Only who was cut off sees half a frame; only a compressed byte can be sent and not yet taken.
  if (closed) return;
  require(down.empty() && message.empty());
  require(data == sent);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const Plan plan{data[0], data[1], data[2]};
  std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
  const std::string wire = plan.is(kBuilt) ? build(rest) : std::string(rest);
  const Outcome first = play(wire, plan, true, 0);
  require(play(wire, plan, true, plan.cuts) == first);
  require(play(wire, plan, false, 0) == first);
  require(play(wire, plan, false, static_cast<uint8_t>(plan.cuts + 1)) == first);
  echo(wire, plan);
  return 0;
}
