#include "server/identity.h"

#include <sys/random.h>

#include <bit>
#include <cstddef>
#include <cstdlib>
#include <span>

namespace pipit {

std::string make_unique_id() {
  constexpr char kLetters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  uint8_t bytes[32];
  std::string id;
  while (id.size() < 22) {
    fill_random(bytes, sizeof bytes);
    // 248 is four times 62: every letter is as likely as any other.
    for (const uint8_t byte : bytes)
      if (byte < 248 && id.size() < 22) id += kLetters[byte % 62];
  }
  return id;
}

void fill_random(void* out, size_t size) {
  auto* bytes = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t n = getrandom(bytes, size, 0);
    if (n < 0) std::abort();  // no entropy call on this kernel: nothing safe can be made
    bytes += n;
    size -= static_cast<size_t>(n);
  }
}

namespace {

// CRC-16/XMODEM, the checksum of nkeys.
uint16_t crc16(std::span<const unsigned char> bytes) {
  unsigned crc = 0;
  for (unsigned char byte : bytes) {
    crc ^= static_cast<unsigned>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1;
    crc &= 0xffffU;
  }
  return static_cast<uint16_t>(crc);
}

}  // namespace

std::string make_server_id() {
  constexpr size_t kKey = 32;
  unsigned char raw[1 + kKey + 2];
  raw[0] = 13 << 3;  // 'N' in base32: the prefix of servers
  fill_random(raw + 1, kKey);
  const uint16_t crc = crc16({raw, 1 + kKey});
  raw[1 + kKey] = static_cast<unsigned char>(crc & 0xff);
  raw[2 + kKey] = static_cast<unsigned char>(crc >> 8);

  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  unsigned buffer = 0, bits = 0;
  for (unsigned char byte : raw) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      out += kAlphabet[(buffer >> bits) & 31U];
    }
    buffer &= (1U << bits) - 1;
  }
  return out;
}

Random::Random() { fill_random(state_, sizeof state_); }

Random::Random(uint64_t seed) {
  // splitmix64 spreads a small seed over the state.
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15U;
    uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    word = z ^ (z >> 31);
  }
}

uint64_t Random::next() {
  const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

}  // namespace pipit
