// Peer and Wire: the seam that lets one transcript run against any server by any transport.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tests/golden/transcript.h"
#include "tests/support/deadline.h"

namespace pipit::golden {

// How a connection ended, where the transport tells: a WebSocket close frame.
struct Goodbye {
  uint16_t code = 0;
  std::string text;
};

// One client's end of a connection; bytes of the NATS protocol, or raw ones on the WebSocket port.
class Wire {
 public:
  enum class Got { bytes, closed, nothing };  // nothing: and nothing will come (in time)

  virtual ~Wire() = default;
  virtual void send(std::string_view bytes) = 0;
  // Appends what arrives next to `into`.
  virtual Got receive(std::string& into, test::Deadline deadline) = 0;
  virtual void hang_up() = 0;
  virtual uint16_t server_port() const = 0;
  // Once closed.
  virtual std::optional<Goodbye> goodbye() const { return std::nullopt; }
};

// A server that lives for one transcript. Functions that return a string return what went wrong.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual const Tags& tags() const = 0;
  virtual bool can_run(const Transcript& transcript) const = 0;
  virtual std::string start(const Transcript& transcript, test::Deadline deadline) = 0;
  virtual std::unique_ptr<Wire> dial_client(test::Deadline deadline) = 0;     // null: refused
  virtual std::unique_ptr<Wire> dial_websocket(test::Deadline deadline) = 0;  // the raw port
  virtual void lame_duck() = 0;
  virtual std::string stop(test::Deadline deadline) = 0;
};

}  // namespace pipit::golden
