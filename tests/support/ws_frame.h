// WebSocket as a client speaks it, for tests: frames built and taken apart by hand, right or wrong,
// so that a fault in Pipit's own framing cannot hide itself.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pipit::test {

enum WsOp : uint8_t {
  kWsContinue = 0,
  kWsText = 1,
  kWsBinary = 2,
  kWsClose = 8,
  kWsPing = 9,
  kWsPong = 10
};

struct WsFrame {
  uint8_t op = kWsBinary;
  uint8_t rsv = 0;  // 4: RSV1 (compressed), 2: RSV2, 1: RSV3
  bool fin = true;
  bool masked = true;
  std::string payload;
  // Announced instead of the payload's own length.
  std::optional<uint64_t> length;

  std::string bytes() const;
};

// Takes the first frame off `bytes`; nothing while it is incomplete.
std::optional<WsFrame> take_frame(std::string& bytes);

// A close frame's payload.
std::string close_payload(uint16_t code, std::string_view text);
uint16_t close_code(std::string_view payload);

// One permessage-deflate message without context: raw deflate, the final 00 00 ff ff taken off.
std::string deflate_message(std::string_view plain);
// Nothing: not valid deflate.
std::optional<std::string> inflate_message(std::string_view compressed);

// An upgrade request with the key of RFC 6455, and the accept value that answers it. `extra` holds
// whole header lines.
std::string upgrade_request(std::string_view path, std::string_view extra);
inline constexpr std::string_view kUpgradeAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

}  // namespace pipit::test
