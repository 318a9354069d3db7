// WsWriter: the outgoing half of a WebSocket: frames, control frames between them, compression.
//
// I1  A data frame that has begun is finished before anything else: owed_ first (the rest of its
//     head), then frame_left_ bytes of what write() shows next.
// I2  control_ holds whole control frames that wait for the end of that frame. Bounded: what waits
//     longer is pongs, and of pongs only the last counts.
// I3  Of a compressed message the last byte is not taken before the kernel has all of it (tail_):
//     the caller goes on waiting, and his deadlines go on counting.
// I4  Of shared frames what was not taken is the caller's still: once they have begun, frame_left_
//     is the rest of all of them.
#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "transport/byte_stream.h"
#include "transport/ws_scratch.h"

namespace pipit::net {

inline size_t size_of(std::span<const iovec> parts) {
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  return total;
}

class WsWriter {
 public:
  struct Rules {
    bool compression = false;
    int window_bits = 15;
    bool browser = false, safari = false;
  };

  WsWriter(ByteStream& below, WsScratch::Impl& scratch) : below_(below), scratch_(scratch) {}
  void set_rules(const Rules& rules) { rules_ = rules; }

  size_t write(std::span<const iovec> parts);
  bool compresses() const { return rules_.compression; }
  // One compressed message.
  SharedFrames share(const SlabRef& slab, std::string_view payload,
                     std::string_view suffix);
  size_t write_shared(std::span<const iovec> text, std::string_view frames);
  // Bytes that go out before all frames: the answer to the handshake.
  void write_raw(std::string_view bytes);
  // Queues a whole control frame. flush() sends it.
  void control(std::string_view frame);
  // Sends what is owed and waiting, as far as possible. True if nothing of ours is left to send.
  bool flush();
  // The last frame, with this payload, unless a data frame is half sent.
  void close(std::string_view payload);
  size_t held_bytes() const { return owed_.size() + control_.size(); }

 private:
  struct Cursor;
  bool in_pieces() const { return rules_.browser && !rules_.safari; }
  size_t write_plain(std::span<const iovec> parts, size_t total, std::string_view frames = {});
  size_t write_compressed(Cursor& cursor, size_t total);
  size_t frame_limit() const;
  size_t account(size_t taken, size_t total, size_t frames);
  void frame_compressed();

  ByteStream& below_;
  WsScratch::Impl& scratch_;
  Rules rules_;
  std::string owed_, control_;
  uint64_t frame_left_ = 0;
  bool tail_ = false;
};

}  // namespace pipit::net
