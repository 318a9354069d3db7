// TcpClient: one loopback connection of a test. Reads have a deadline; a write to a peer that has
// gone is not an error here, because what the peer said before it went is still to be read.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/support/deadline.h"

namespace pipit::test {

class TcpClient {
 public:
  enum class Got { bytes, closed, nothing };  // nothing: the deadline passed

  // Connects to 127.0.0.1:`port` with TCP_NODELAY; empty when nobody listens there.
  static std::optional<TcpClient> dial(uint16_t port);
  TcpClient(TcpClient&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  TcpClient& operator=(TcpClient&& other) noexcept;
  ~TcpClient() { close(); }

  // Sends everything, `piece` bytes at a time, each its own segment as far as the kernel lets it.
  void send(std::string_view bytes, size_t piece = SIZE_MAX);
  // Appends what has arrived to `into`, waiting for the first byte until the deadline.
  Got receive(std::string& into, Deadline deadline);
  void close();

 private:
  explicit TcpClient(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace pipit::test
