// Proves base64 against the vectors of RFC 4648, the way back for all bytes, and what is refused.
#include "transport/base64.h"

#include <doctest/doctest.h>

using namespace pipit::net;

namespace {

std::string encode(std::string_view text) {
  return base64_encode({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace

TEST_CASE("the vectors of RFC 4648") {
  CHECK(encode("") == "");
  CHECK(encode("f") == "Zg==");
  CHECK(encode("fo") == "Zm8=");
  CHECK(encode("foo") == "Zm9v");
  CHECK(encode("foobar") == "Zm9vYmFy");
  CHECK(encode("\xfb\xff") == "+/8=");
}

TEST_CASE("what was encoded is decoded to the same bytes") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    CHECK(base64_decode(encode(bytes)) == bytes);
    bytes += static_cast<char>(i * 7);
  }
}

TEST_CASE("wrong lengths, letters and padding are refused") {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zg==Zg==", "=g==", "Z===", "====", "Zm9-",
                           "Zm 9", "Zm9v\n"}) {
    CAPTURE(text);
    CHECK_FALSE(base64_decode(text).has_value());
  }
}

TEST_CASE("unused bits may be anything") { CHECK(base64_decode("Zh==") == "f"); }
