// WebSocket frame heads (RFC 6455, 5.2) and masks: the part of framing that the hot path needs, and
// the words for what is wrong with a frame. Verdicts on unusual frames are wslay's: ws_slow_lane.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pipit::net {

enum WsOpcode : uint8_t {
  kWsContinuation = 0,
  kWsText = 1,
  kWsBinary = 2,
  kWsClose = 8,
  kWsPing = 9,
  kWsPong = 10
};

inline constexpr uint8_t kWsFin = 0x80, kWsRsv1 = 0x40, kWsRsv23 = 0x30, kWsMask = 0x80;
inline constexpr size_t kWsMaxHead = 14;
inline constexpr size_t kWsMaxControlPayload = 125;

struct WsHead {
  uint8_t first = 0;       // FIN, RSV bits and opcode, as sent
  uint8_t short_size = 0;  // the 7 bits behind the mask bit
  uint8_t size = 0;        // of the head
  bool masked = false;
  uint64_t length = 0;  // of the payload
  uint32_t key = 0;     // bytes of the mask in memory order; 0 if there is none

  bool fin() const { return (first & kWsFin) != 0; }
  bool rsv1() const { return (first & kWsRsv1) != 0; }
  uint8_t opcode() const { return first & 15; }
  bool control() const { return (first & 8) != 0; }
  // The length fits 63 bits and could not have been written in fewer bytes.
  bool length_valid() const {
    return short_size < 126 || (short_size == 126 ? length >= 126 : length >= 65536 && length >> 63 == 0);
  }
};

// How long the head is that begins with these two bytes.
inline size_t ws_head_size(const uint8_t* two) {
  uint8_t size = two[1] & 0x7f;
  return (size < 126 ? 2u : size == 126 ? 4u : 10u) + ((two[1] & kWsMask) != 0 ? 4u : 0u);
}

// Requires: ws_head_size() bytes.
WsHead parse_ws_head(const uint8_t* bytes);

// Writes a server's head, without a mask: at most 10 bytes. Returns how many.
size_t write_ws_head(char* out, uint8_t first, uint64_t length);

// target[i] = source[i] ^ key. They may overlap if `target` is not behind `source`. Returns the key
// as the byte after the last one needs it.
uint32_t ws_unmask(std::byte* target, const std::byte* source, size_t size, uint32_t key);
// The same key, `count` bytes later.
uint32_t ws_rotate_key(uint32_t key, size_t count);

struct WsContext {
  bool in_message = false;  // a fragmented one has begun
  bool compression = false;
  bool no_masking = false;
};
// Why a frame is refused, in nats-server's words and order; empty if nothing is wrong with its head.
std::string ws_head_fault(const WsHead& head, const WsContext& context);

// A close frame's payload: `code` and `why`, cut to what a control frame can carry.
std::string ws_close_payload(uint16_t code, std::string_view why);

}  // namespace pipit::net
