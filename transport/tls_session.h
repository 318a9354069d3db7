// TlsSession: the server's end of one TLS connection as a machine without a socket. Bytes of the
// wire come in and go out in the caller's buffers; nothing here waits or knows a thread.
//
// This and TlsContext are the seam to the TLS library: tls_context.cc and tls_session.cc alone
// include its headers. Used by one thread at a time; a handshake may be driven by another thread
// than what follows it.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "transport/tls_context.h"

namespace pipit::net {

// What monitoring shows, in nats-server's words.
struct TlsPeer {
  std::string version;       // "1.2"
  std::string cipher_suite;  // "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
};

class TlsSession {
 public:
  // The largest record body, by the standard.
  static constexpr size_t kMaxRecord = 16 * 1024;

  enum class Status : uint8_t {
    done,        // handshake: it is over; read: the room is full or more may follow
    want_input,  // all of `in` is used
    closed,      // the peer said close_notify
    failed,      // see fault(); an alert for the peer may be in `out`
  };

  // Null: no memory.
  static std::unique_ptr<TlsSession> make(std::shared_ptr<const TlsContext> context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;

  // Each takes from the front of `in` what it uses, and appends to `out` what is to be sent.
  Status handshake(std::string_view& in, std::string& out);
  // `got` bytes were put into `room`.
  Status read(std::string_view& in, std::span<std::byte> room, size_t& got, std::string& out);
  // One record of at most max_plain() bytes. False: the session is broken.
  bool write(std::string_view plain, std::string& out);
  void close(std::string& out);  // close_notify

  size_t max_plain() const;  // after the handshake
  TlsPeer peer() const;      // after the handshake
  const std::string& fault() const;

 private:
  struct Impl;
  explicit TlsSession(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipit::net
