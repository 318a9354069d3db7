// Proves frame heads of every length form, unmasking at every size, phase and distance against a
// loop over single bytes, and close payloads.
#include "transport/ws_frame.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

using namespace pipit::net;

namespace {

WsHead read_back(uint8_t first, uint64_t length) {
  char bytes[kWsMaxHead] = {};
  size_t size = write_ws_head(bytes, first, length);
  const auto* head = reinterpret_cast<const uint8_t*>(bytes);
  CHECK(ws_head_size(head) == size);
  WsHead parsed = parse_ws_head(head);
  CHECK(parsed.size == size);
  return parsed;
}

}  // namespace

TEST_CASE("heads that we write say what was asked, in their shortest form") {
  for (uint64_t length : {0ull, 1ull, 125ull, 126ull, 65535ull, 65536ull, (1ull << 63) - 1}) {
    CAPTURE(length);
    WsHead head = read_back(kWsFin | kWsBinary, length);
    CHECK(head.length == length);
    CHECK(head.fin());
    CHECK(head.opcode() == kWsBinary);
    CHECK_FALSE(head.masked);
    CHECK(head.length_valid());
  }
  CHECK(read_back(kWsFin, 125).size == 2);
  CHECK(read_back(kWsFin, 126).size == 4);
  CHECK(read_back(kWsFin, 65536).size == 10);
}

TEST_CASE("lengths in too many bytes, or of 64 bits, are not valid") {
  const uint8_t medium[] = {0x82, 126, 0, 125};
  CHECK_FALSE(parse_ws_head(medium).length_valid());
  const uint8_t large[] = {0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  CHECK_FALSE(parse_ws_head(large).length_valid());
  const uint8_t top[] = {0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0};
  CHECK_FALSE(parse_ws_head(top).length_valid());
  CHECK(parse_ws_head(top).length == 1ull << 63);
}

TEST_CASE("unmasking to the front of the same bytes is right at every size and distance") {
  const uint8_t key_bytes[4] = {0x37, 0xfa, 0x21, 0x3d};
  uint32_t key;
  std::memcpy(&key, key_bytes, 4);
  for (size_t size = 0; size < 200; ++size) {
    for (size_t distance : {0u, 1u, 2u, 6u, 7u, 8u, 14u, 15u, 16u, 63u, 64u, 65u}) {
      std::vector<std::byte> bytes(size + distance), wanted(size);
      for (size_t i = 0; i < size; ++i) {
        bytes[distance + i] = static_cast<std::byte>(i * 31 + size);
        wanted[i] = bytes[distance + i] ^ static_cast<std::byte>(key_bytes[i % 4]);
      }
      uint32_t next = ws_unmask(bytes.data(), bytes.data() + distance, size, key);
      bytes.resize(size);
      REQUIRE(bytes == wanted);
      REQUIRE(next == ws_rotate_key(key, size));
    }
  }
}

TEST_CASE("a payload may be unmasked in any two pieces") {
  uint32_t key = 0x12345678;
  std::vector<std::byte> bytes(100), whole(100), pieces(100);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  ws_unmask(whole.data(), bytes.data(), bytes.size(), key);
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    uint32_t next = ws_unmask(pieces.data(), bytes.data(), cut, key);
    ws_unmask(pieces.data() + cut, bytes.data() + cut, bytes.size() - cut, next);
    REQUIRE(pieces == whole);
  }
}

TEST_CASE("a close frame's words are cut to what a control frame can carry") {
  CHECK(ws_close_payload(1002, "mask bit missing") == std::string("\x03\xea") + "mask bit missing");
  CHECK(ws_close_payload(1000, std::string(123, 'x')).size() == 125);
  std::string cut = ws_close_payload(1000, std::string(124, 'x'));
  CHECK(cut == std::string("\x03\xe8") + std::string(120, 'x') + "...");
}
