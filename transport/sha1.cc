#include "transport/sha1.h"

#include <bit>
#include <cstring>

namespace pipit::net {
namespace {

constexpr size_t kBlock = 64;

using State = std::array<uint32_t, 5>;

uint32_t load_big(const uint8_t* bytes) {
  return static_cast<uint32_t>(bytes[0]) << 24 | static_cast<uint32_t>(bytes[1]) << 16 |
         static_cast<uint32_t>(bytes[2]) << 8 | bytes[3];
}

void store_big(uint8_t* bytes, uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<uint8_t>(value >> (24 - 8 * i));
}

// FIPS 180-4, 6.1.2.
void add_block(State& state, const uint8_t* block) {
  std::array<uint32_t, 80> w;
  for (size_t t = 0; t < 16; ++t) w[t] = load_big(block + 4 * t);
  for (size_t t = 16; t < 80; ++t)
    w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);

  auto [a, b, c, d, e] = state;
  for (size_t t = 0; t < 80; ++t) {
    uint32_t f, k;
    if (t < 20) {
      f = (b & c) | (~b & d);
      k = 0x5a827999;
    } else if (t < 40) {
      f = b ^ c ^ d;
      k = 0x6ed9eba1;
    } else if (t < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8f1bbcdc;
    } else {
      f = b ^ c ^ d;
      k = 0xca62c1d6;
    }
    uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

}  // namespace

std::array<uint8_t, 20> sha1(std::string_view bytes) {
  State state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= kBlock; data += kBlock, left -= kBlock) add_block(state, data);

  // What is left, a set bit, zeros, and the length in bits: one block or two.
  uint8_t last[2 * kBlock] = {};
  if (left > 0) std::memcpy(last, data, left);
  last[left] = 0x80;
  size_t size = left + 9 <= kBlock ? kBlock : 2 * kBlock;
  uint64_t bits = static_cast<uint64_t>(bytes.size()) * 8;
  store_big(last + size - 8, static_cast<uint32_t>(bits >> 32));
  store_big(last + size - 4, static_cast<uint32_t>(bits));
  for (size_t at = 0; at < size; at += kBlock) add_block(state, last + at);

  std::array<uint8_t, 20> digest;
  for (size_t i = 0; i < state.size(); ++i) store_big(digest.data() + 4 * i, state[i]);
  return digest;
}

}  // namespace pipit::net
