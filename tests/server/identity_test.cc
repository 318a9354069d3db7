// Proves that a server id is a well-formed public nkey and that Random is even and repeatable.
#include "server/identity.h"

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace pipit;

namespace {

// Decodes base32 and checks the two bytes of CRC-16/XMODEM at the end, low byte first.
bool is_nkey(std::string_view text, unsigned prefix) {
  std::vector<unsigned> bytes;
  unsigned buffer = 0, bits = 0;
  for (char c : text) {
    const size_t value = std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").find(c);
    if (value == std::string_view::npos) return false;
    buffer = (buffer << 5 | static_cast<unsigned>(value)) & 0xffff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(buffer >> bits & 0xff);
  }
  if (bytes.size() != 35 || bytes[0] != prefix) return false;
  unsigned crc = 0;
  for (size_t i = 0; i < 33; ++i)
    for (unsigned bit = 0x80; bit != 0; bit >>= 1) {
      const bool top = ((crc & 0x8000) != 0) != ((bytes[i] & bit) != 0);
      crc = (crc << 1 ^ (top ? 0x1021U : 0U)) & 0xffff;
    }
  return crc == (bytes[33] | bytes[34] << 8);
}

}  // namespace

TEST_CASE("a server id is a public nkey of a server") {
  // One that a genuine server made: the check itself is right.
  REQUIRE(is_nkey("NB75A5A6Z6R2YWSYLQRN3BEA6T33K73PLIBMHGJIXUWGEZVSJ72EMOLQ", 13U << 3));
  REQUIRE_FALSE(is_nkey("NB75A5A6Z6R2YWSYLQRN3BEA6T33K73PLIBMHGJIXUWGEZVSJ72EMOLA", 13U << 3));
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string id = make_server_id();
    CHECK(id.size() == 56);
    CHECK(id.front() == 'N');
    CHECK(is_nkey(id, 13U << 3));
    CHECK(seen.insert(id).second);
  }
}

TEST_CASE("the same seed gives the same numbers, another seed others") {
  Random a(7), b(7), c(8);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const uint64_t n = a.next();
    CHECK(n == b.next());
    differs = differs || n != c.next();
  }
  CHECK(differs);
  Random unseeded, other;
  CHECK(unseeded.next() != other.next());
}

TEST_CASE("below() stays below and reaches every value about equally often") {
  Random random(1);
  for (uint64_t bound : {1U, 2U, 3U, 7U, 10U}) {
    std::array<int, 10> hits{};
    for (int i = 0; i < 10'000; ++i) {
      const uint64_t n = random.below(bound);
      REQUIRE(n < bound);
      ++hits[n];
    }
    const int fair = 10'000 / static_cast<int>(bound);
    for (uint64_t n = 0; n < bound; ++n) CHECK(std::abs(hits[n] - fair) <= fair / 5);
  }
  CHECK(random.below(UINT64_MAX) < UINT64_MAX);
}
