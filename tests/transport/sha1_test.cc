// Proves SHA-1 against the vectors of FIPS 180 and at every length around its block size.
#include "transport/sha1.h"

#include <doctest/doctest.h>

#include <string>

using namespace pipit::net;

namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (uint8_t byte : sha1(bytes)) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

}  // namespace

TEST_CASE("the published vectors") {
  CHECK(hex("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  CHECK(hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  CHECK(hex(std::string(1'000'000, 'a')) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("padding fits wherever the end of the bytes falls in a block") {
  // Each digest becomes part of the next text; the last was computed with Python's hashlib.
  std::string text;
  for (size_t length = 0; length <= 130; ++length) text = hex(text) + std::string(length, 'x');
  CHECK(hex(text) == "ecff6ab02959b27ce67774ce5578ba64f5cf719d");
}
