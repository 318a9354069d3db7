// SHA-256 (FIPS 180-4), for digests of what is compared, never of what is kept on a disk.
#pragma once
#include <string>
#include <string_view>

namespace pipit {

std::string sha256_hex(std::string_view bytes);

}  // namespace pipit
