// Base64 with padding (RFC 4648, 4).
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pipit::net {

std::string base64_encode(std::span<const uint8_t> bytes);
// Nothing for a character outside the alphabet or wrong padding. Unused bits of the last character
// may be anything, as in nats-server.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace pipit::net
