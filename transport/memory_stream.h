// MemoryStream: a ByteStream without a socket; tests and the simulation stand in for the peer.
//
// One thread. The peer pushes bytes with feed(), which calls the handler at once as a socket would,
// in pieces no larger than the handler's buffer; what the server wrote is in written(). As with a
// socket, the peer's end is seen only by who reads, after everything sent before it.
#pragma once
#include <string>

#include "transport/byte_stream.h"

namespace pipit::net {

class MemoryStream final : public ByteStream {
 public:
  explicit MemoryStream(PeerAddress peer = {"127.0.0.1", 1}) : peer_(std::move(peer)) {}

  // The peer's side.
  void feed(std::string_view bytes);  // kept while reading is paused
  void end(int sys_errno = 0);        // the peer hangs up; without an errno it still reads
  std::string& written() { return written_; }
  bool closed() const { return closed_; }
  uint16_t close_code() const { return close_code_; }
  const std::string& close_text() const { return close_text_; }
  bool reading() const { return reading_; }
  // How many bytes write() takes from now on, until the next allow(): a slow reader. Without it
  // there is no bound. Calls on_writable() at once if a write() came short before.
  void allow(size_t bytes);

  size_t write(std::span<const iovec> parts) override;
  void pause_reading() override { reading_ = false; }
  void resume_reading() override;
  void start(StreamHandler* handler) override;
  void close(uint16_t code, std::string_view why) override;
  const PeerAddress& peer() const override { return peer_; }

 private:
  void pump();
  bool gone() const { return ended_ && end_errno_ != 0; }
  StreamHandler* handler_ = nullptr;
  PeerAddress peer_;
  std::string inbox_, written_, close_text_;
  size_t inbox_read_ = 0;  // of inbox_, by the handler
  size_t room_ = SIZE_MAX;
  int end_errno_ = 0;
  uint16_t close_code_ = 0;
  bool reading_ = false, closed_ = false, starved_ = false, pumping_ = false;
  bool peer_gone_ = false, ended_ = false;
};

}  // namespace pipit::net
