// permessage-deflate (RFC 7692) without context takeover: every message is a raw deflate stream of
// its own, without the 00 00 ff ff that its last flush ends with.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <sys/uio.h>

namespace pipit::net {

extern const bool kDeflateBuilt;  // false: built without zlib, nothing here may be used

// zlib's raw deflate cannot do with a window of 8 bits.
inline constexpr int kMinWindowBits = 9;

// What follows the last byte of a message: the flush's end that the sender left out, and an empty
// final block, so that the end of the stream can be seen.
inline constexpr std::array<uint8_t, 9> kDeflateTail = {0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff};

// Inflates one message at a time, piece by piece.
class WsInflater {
 public:
  struct Step {
    size_t consumed = 0, produced = 0;
    bool corrupt = false;
  };
  WsInflater();
  ~WsInflater();
  void reset();
  Step run(std::span<const uint8_t> input, std::span<std::byte> room);
  // A final block ended; what follows is ignored, as nats-server does.
  bool ended() const { return ended_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  bool ended_ = false;
};

class WsDeflater {
 public:
  explicit WsDeflater(int window_bits);
  ~WsDeflater();
  // Appends the compressed form of `parts`, at the fastest level.
  void run(std::span<const iovec> parts, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pipit::net
