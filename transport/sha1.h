// SHA-1, for the WebSocket handshake and nothing else: it is no longer a safe hash.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace pipit::net {

std::array<uint8_t, 20> sha1(std::string_view bytes);

}  // namespace pipit::net
