// ByteStream and StreamHandler: the seam between bytes on a wire and whoever speaks a protocol.
//
// TCP, WebSocket (on top of TCP), later TLS, and the pipe in memory that tests use are ByteStreams.
// A stream lives on one loop's thread for life; every call and callback is on that thread. The
// handler owns the stream, outlives its callbacks, and must not destroy it inside one of them.
#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "transport/slab.h"

namespace pipit::net {

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Where the next bytes shall land; at least 1 byte. Valid until the matching on_read(), nothing
  // else of the stream happens in between. Idle connections own no buffer: ask late.
  virtual std::span<std::byte> on_alloc() = 0;
  // The first `n` bytes of the span from on_alloc() are filled; n may be 0 (nothing for you after
  // all). Several rounds of on_alloc and on_read may follow one wake of the loop.
  virtual void on_read(size_t n) = 0;
  // After a write() that took less than all: there is room again.
  virtual void on_writable() = 0;
  // No more will come: the peer is gone (`sys_errno`), has ended its side, or broke the rules of the
  // transport. Called at most once, and not after close(). Without an errno it may still read: what
  // is written goes out. `code` is a WebSocket close code or 0; `why` is for the log.
  virtual void on_end(int sys_errno, uint16_t code, std::string_view why) = 0;
};

struct PeerAddress {
  std::string host;  // "127.0.0.1", "::1"
  uint16_t port = 0;
};

// Bytes in the form in which a wire carries them, for every stream that speaks alike.
struct SharedFrames {
  SlabRef slab;  // holds `bytes`
  std::string_view bytes;
};

// What a stream can do besides, for which making the wire's form of a payload is dear: it is made
// once, for all streams of the loop that have agreed on the same.
class FrameSharer {
 public:
  // The form of `payload`, which lies in `slab`, and `suffix`. Made, or made a moment ago.
  virtual SharedFrames share(const SlabRef& slab, std::string_view payload,
                             std::string_view suffix) = 0;
  // As ByteStream::write(): first `text`, then `frames`, or what was not taken of them before.
  virtual size_t write_shared(std::span<const iovec> text, std::string_view frames) = 0;

 protected:
  ~FrameSharer() = default;
};

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Takes as many bytes as fit now, in order, and returns how many. Less than the sum: on_writable()
  // follows once there is room; show the rest again then, from the first byte not taken. Adjacent
  // calls must continue where the last one stopped. Never blocks, never calls back.
  virtual size_t write(std::span<const iovec> parts) = 0;
  // Bytes taken by write() and held by the stream itself (framing, compression): count them as
  // pending too.
  virtual size_t held_bytes() const { return 0; }
  // Reading is on after start(). Pausing is counted by the caller: both are idempotent.
  virtual void pause_reading() = 0;
  virtual void resume_reading() = 0;
  // Null: payloads are as dear to one stream as to many. Known once the stream is open.
  virtual FrameSharer* sharer() { return nullptr; }
  // The peer has logged in: the stream may spend more memory on it from now on.
  virtual void trust() {}
  // Starts to call `handler`.
  virtual void start(StreamHandler* handler) = 0;
  // Says good-bye as the transport does (WebSocket: a close frame with `code` and `why`; TCP:
  // nothing), tries once to send it, and closes. No callback follows. Idempotent.
  virtual void close(uint16_t code, std::string_view why) = 0;
  virtual const PeerAddress& peer() const = 0;
};

}  // namespace pipit::net
