// What the WebSockets of one loop share: memory that each needs only while it is at work.
//
// Buffers are taken out and given back, because a callback of one stream may lead into another.
#pragma once
#include <sys/uio.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/ws_deflate.h"
#include "transport/ws_stream.h"

namespace pipit::net {

struct WsScratch::Impl {
  static constexpr size_t kInflatersKept = 4;
  // A buffer that one large message blew up is not kept.
  static constexpr size_t kBufferKept = 1 << 20;

  std::unique_ptr<WsInflater> take_inflater() {
    if (inflaters.empty()) return std::make_unique<WsInflater>();
    std::unique_ptr<WsInflater> one = std::move(inflaters.back());
    inflaters.pop_back();
    one->reset();
    return one;
  }
  void give(std::unique_ptr<WsInflater> inflater) {
    if (inflater && inflaters.size() < kInflatersKept) inflaters.push_back(std::move(inflater));
  }
  WsDeflater& deflater(int window_bits) {
    std::unique_ptr<WsDeflater>& one = deflaters[static_cast<size_t>(window_bits)];
    if (!one) one = std::make_unique<WsDeflater>(window_bits);
    return *one;
  }
  std::string take_input() { return std::exchange(input, {}); }
  void give_input(std::string buffer) {
    if (buffer.capacity() <= kBufferKept) input = std::move(buffer);
  }

  std::vector<uint8_t> take_packed() { return std::exchange(packed, {}); }
  void give_packed(std::vector<uint8_t> buffer) {
    if (buffer.capacity() > packed.capacity() && buffer.capacity() <= kBufferKept)
      packed = std::move(buffer);
  }

  std::vector<std::unique_ptr<WsInflater>> inflaters;
  std::array<std::unique_ptr<WsDeflater>, 16> deflaters;
  std::string request;     // the head of an upgrade request being read
  std::string input;       // what was read behind compressed bytes, on its way to the handler
  std::vector<uint8_t> packed;  // of one incoming message, to be inflated
  std::string compressed;  // one outgoing message
  std::string heads;       // of the frames of one write
  std::vector<iovec> parts, message_parts;
};

}  // namespace pipit::net
