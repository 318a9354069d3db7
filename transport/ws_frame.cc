#include "transport/ws_frame.h"

#include <bit>
#include <cstring>

namespace pipit::net {
namespace {

uint64_t load_big(const uint8_t* bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | bytes[i];
  return value;
}

char* store_big(char* out, uint64_t value, size_t size) {
  for (size_t i = size; i-- > 0;) *out++ = static_cast<char>(value >> (8 * i));
  return out;
}

}  // namespace

WsHead parse_ws_head(const uint8_t* bytes) {
  WsHead head;
  head.first = bytes[0];
  head.short_size = bytes[1] & 0x7f;
  head.masked = (bytes[1] & kWsMask) != 0;
  size_t at = 2;
  if (head.short_size < 126) {
    head.length = head.short_size;
  } else {
    size_t size = head.short_size == 126 ? 2 : 8;
    head.length = load_big(bytes + at, size);
    at += size;
  }
  if (head.masked) {
    std::memcpy(&head.key, bytes + at, 4);
    at += 4;
  }
  head.size = static_cast<uint8_t>(at);
  return head;
}

size_t write_ws_head(char* out, uint8_t first, uint64_t length) {
  char* begin = out;
  *out++ = static_cast<char>(first);
  if (length < 126) {
    *out++ = static_cast<char>(length);
  } else if (length < 65536) {
    *out++ = 126;
    out = store_big(out, length, 2);
  } else {
    *out++ = 127;
    out = store_big(out, length, 8);
  }
  return static_cast<size_t>(out - begin);
}

uint32_t ws_rotate_key(uint32_t key, size_t count) {
  int bits = static_cast<int>(count & 3) * 8;
  return std::endian::native == std::endian::little ? std::rotr(key, bits) : std::rotl(key, bits);
}

uint32_t ws_unmask(std::byte* target, const std::byte* source, size_t size, uint32_t key) {
  // 16 bytes: the vectors that every x86-64 and ARM64 has. A block is loaded whole before it is
  // stored, and `target` is not behind `source`: overlapping is safe.
  using Vector = uint64_t __attribute__((vector_size(16)));
  const uint64_t wide = key | static_cast<uint64_t>(key) << 32;
  const Vector mask = {wide, wide};
  size_t at = 0;
  for (Vector block[4]; at + sizeof block <= size; at += sizeof block) {
    std::memcpy(block, source + at, sizeof block);
    for (Vector& part : block) part ^= mask;
    std::memcpy(target + at, block, sizeof block);
  }
  for (uint64_t part; at + sizeof part <= size; at += sizeof part) {
    std::memcpy(&part, source + at, sizeof part);
    part ^= wide;
    std::memcpy(target + at, &part, sizeof part);
  }
  std::byte bytes[4];
  std::memcpy(bytes, &key, 4);
  for (; at < size; ++at) target[at] = source[at] ^ bytes[at & 3];
  return ws_rotate_key(key, size);
}

std::string ws_head_fault(const WsHead& head, const WsContext& context) {
  if ((head.first & kWsRsv23) != 0) return "RSV2 and RSV3 must be clear";
  if (head.rsv1() && !context.compression)
    return "compressed frame received without negotiated permessage-deflate";
  if (!head.masked && !context.no_masking) return "mask bit missing";
  switch (head.opcode()) {
    case kWsClose:
    case kWsPing:
    case kWsPong:
      if (head.short_size > kWsMaxControlPayload)
        return "control frame length bigger than maximum allowed of 125 bytes";
      if (!head.fin()) return "control frame does not have final bit set";
      if (head.rsv1()) return "control frame must not be compressed";
      break;
    case kWsText:
    case kWsBinary:
      if (context.in_message)
        return "new message started before final frame for previous message was received";
      break;
    case kWsContinuation:
      if (!context.in_message || head.rsv1()) return "invalid continuation frame";
      break;
    default: return "unknown opcode " + std::to_string(head.opcode());
  }
  if (head.length >> 63 != 0) return "invalid 64-bit payload length";
  if (!head.length_valid()) return "payload length not in its shortest form";
  return {};
}

std::string ws_close_payload(uint16_t code, std::string_view why) {
  std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
  size_t room = kWsMaxControlPayload - payload.size();
  if (why.size() <= room) return payload.append(why);
  return payload.append(why.substr(0, room - 3)).append("...");
}

}  // namespace pipit::net
