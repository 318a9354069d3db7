// SHA-256 (FIPS 180-4), for the digest of a configuration. Not for secrets.
#pragma once
#include <string>
#include <string_view>

namespace pipit {

std::string sha256_hex(std::string_view bytes);

}  // namespace pipit
