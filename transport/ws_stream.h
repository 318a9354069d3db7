// WsStream: the server's end of a WebSocket, as a ByteStream on top of another one.
//
// It begins in the handshake: the request head is read, checked and answered; then start()'s handler
// learns of it by on_open and sees plain bytes only. wslay decides on everything unusual: control
// frames, fragments, errors. With PIPIT_WS_FAST_LANE the plain unfragmented data frame is unmasked in
// place, in the handler's own buffer, frame heads squeezed out on the way.
//
// Out: everything of one write() is one binary frame (browsers: at most 4096 bytes each). A frame
// that the kernel took half of is finished before another begins; control frames wait for that.
// An idle stream holds no buffer and no wslay context.
//
// When the peer closes, or breaks the rules, on_end() comes with a code that is not 0: the stream can
// still be written to. close() then ends it with the close frame that this calls for, whatever its
// own arguments say. With code 0 the connection is gone.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "transport/byte_stream.h"
#include "transport/ws_handshake.h"

namespace pipit::net {

// As built: PIPIT_WS_FAST_LANE.
extern const bool kWsFastLane;

// One a loop: zlib state and scratch buffers that its WebSockets share. Built on first use.
class WsScratch {
 public:
  WsScratch();
  ~WsScratch();
  // Lets go of what FrameSharer::share() has made: once a turn.
  void forget_shared();
  uint64_t messages_deflated() const;
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

class WsStream final : public ByteStream {
 public:
  struct Settings {
    const WsHandshakeRules* rules;  // outlives the stream
    WsScratch* scratch;             // outlives the stream; of this loop
    size_t max_message;             // inflated size of one compressed message
    bool fast_lane = kWsFastLane;   // for tests: both lanes do the same
    // What is held of a compressed message that is not complete, before trust().
    size_t untrusted_max = 4096;
  };
  // Called once: the 101 is sent (accepted), or the refusal is and the stream ends (not accepted).
  using OnOpen = std::function<void(const WsUpgrade&)>;

  // Takes over a fresh transport on which nothing was read yet.
  WsStream(std::unique_ptr<ByteStream> below, Settings settings, OnOpen on_open);
  ~WsStream() override;

  size_t write(std::span<const iovec> parts) override;
  size_t held_bytes() const override;
  void pause_reading() override;
  void resume_reading() override;
  void trust() override;
  // If compression was agreed.
  FrameSharer* sharer() override;
  // Before on_open the handler gets no bytes, only on_end() if the peer goes away or is refused.
  void start(StreamHandler* handler) override;
  // A close frame with `code` and `why` (cut to 123 bytes with "..."), or an HTTP 408 with nothing
  // behind it while the handshake is not done.
  void close(uint16_t code, std::string_view why) override;
  const PeerAddress& peer() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipit::net
