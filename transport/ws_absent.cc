// WebSocket in a build without it: the types are there, a stream is over before it began. Options
// that ask for WebSocket are refused before one is made.
#include "transport/ws_deflate.h"
#include "transport/ws_stream.h"

namespace pipit::net {

const bool kWsFastLane = false;
const bool kDeflateBuilt = false;

struct WsScratch::Impl {};
WsScratch::WsScratch() = default;
WsScratch::~WsScratch() = default;
void WsScratch::forget_shared() {}
uint64_t WsScratch::messages_deflated() const { return 0; }

class WsStream::Impl {
 public:
  explicit Impl(std::unique_ptr<ByteStream> stream) : below(std::move(stream)) {}
  std::unique_ptr<ByteStream> below;
};

WsStream::WsStream(std::unique_ptr<ByteStream> below, Settings, OnOpen)
    : impl_(std::make_unique<Impl>(std::move(below))) {}
WsStream::~WsStream() = default;

size_t WsStream::write(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  return total;
}
size_t WsStream::held_bytes() const { return 0; }
void WsStream::pause_reading() {}
void WsStream::resume_reading() {}
void WsStream::trust() {}
FrameSharer* WsStream::sharer() { return nullptr; }
void WsStream::start(StreamHandler* handler) {
  handler->on_end(0, 0, "WebSocket is not built in");
}
void WsStream::close(uint16_t code, std::string_view why) { impl_->below->close(code, why); }
const PeerAddress& WsStream::peer() const { return impl_->below->peer(); }

}  // namespace pipit::net
