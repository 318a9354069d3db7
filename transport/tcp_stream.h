// TcpStream: a connected, non-blocking TCP socket as a ByteStream.
//
// Reads until the kernel has no more, at most kReadBudget bytes a turn (then others get their turn;
// level-triggered poll brings us back). Writes with sendmsg(MSG_NOSIGNAL), up to 1024 parts a call.
// After a failed write everything is taken and thrown away; on_end() tells of it in a later turn,
// when what the peer had still sent is read.
#pragma once
#include <memory>

#include "transport/byte_stream.h"
#include "transport/loop.h"

namespace pipit::net {

class TcpStream final : public ByteStream {
 public:
  static constexpr size_t kReadBudget = 256 * 1024;

  // Owns `fd` (non-blocking, TCP_NODELAY is set here). Reading begins with start(). `read_already`
  // was read from the socket by somebody else and comes first.
  TcpStream(Loop& loop, int fd, PeerAddress peer, std::string read_already = {});
  ~TcpStream() override;

  size_t write(std::span<const iovec> parts) override;
  void pause_reading() override;
  void resume_reading() override;
  void start(StreamHandler* handler) override;
  void close(uint16_t code, std::string_view why) override;
  const PeerAddress& peer() const override { return peer_; }

 private:
  static void on_poll(void* self, int events);
  bool live() const { return fd_ >= 0 && !ended_; }
  void read_again();  // of what was read already
  bool read_some();   // true: there is no more for now, or the stream is over
  void end(int sys_errno);
  int interest() const;
  void extend_interest();

  PollHandle poll_;
  StreamHandler* handler_ = nullptr;
  PeerAddress peer_;
  std::string read_already_;
  int fd_;
  int failed_errno_ = 0;  // of a write
  bool reading_ = false;
  bool want_write_ = false;
  bool input_ended_ = false;  // the peer may still read
  bool ended_ = false;
};

}  // namespace pipit::net
