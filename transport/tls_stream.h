// TlsStream: the server's end of TLS, as a ByteStream on top of another one.
//
// It begins before the handshake: greet() still speaks in the clear, the peer's first byte decides
// whether this is TLS. The steps of a handshake run on TlsHandshakes; what the peer sends meanwhile
// is not read. Then start()'s handler learns of it by on_open and sees plain bytes only. Where TLS
// comes first or after an INFO is the caller's business: it greets or it does not.
//
// Out: everything of one write() goes into records of up to 16 KiB, and up to kBatch of records
// into one write() below. What that does not take is held here, counted by held_bytes(), and must
// be gone before more is taken: at most kBatch and one record. An idle stream holds nothing but its
// session, whose two record buffers are the library's (some 33 KiB).
//
// One thread, the loop's; handlers must not make another stream of the loop read inside a callback.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "transport/byte_stream.h"
#include "transport/tls_handshakes.h"
#include "transport/tls_session.h"

namespace pipit::net {

// One a loop: buffers that its TLS streams share. Built on first use.
class TlsScratch {
 public:
  static constexpr size_t kRead = 64 * 1024;

  std::span<std::byte> read_room() {
    if (read_ == nullptr) read_.reset(new std::byte[kRead]);
    return {read_.get(), kRead};
  }
  std::string plain;   // one record's worth, gathered
  std::string cipher;  // records on their way

 private:
  std::unique_ptr<std::byte[]> read_;
};

class TlsStream final : public ByteStream {
 public:
  // Records are written below once they are this many bytes.
  static constexpr size_t kBatch = 64 * 1024;

  struct Settings {
    std::shared_ptr<const TlsContext> context;
    TlsHandshakes* handshakes;  // outlives the stream
    TlsScratch* scratch;        // outlives the stream; of this loop
    // Has its argument called on this stream's loop, soon. From any thread, also after the stream.
    std::function<void(std::function<void()>)> post;
    // A peer whose first byte is not TLS: true: it goes on in the clear; false: it is sent
    // `plain_answer`, which outlives the stream, and the stream ends.
    bool allow_plain = false;
    std::string_view plain_answer = {};
  };
  struct Events {
    // The peer's first byte said TLS.
    std::function<void()> on_hello;
    // Once: the handshake is done; or null: the peer goes on in the clear. on_end() comes instead
    // when it fails.
    std::function<void(const TlsPeer*)> on_open;
  };

  // Takes over a fresh transport on which nothing was read yet.
  TlsStream(std::unique_ptr<ByteStream> below, Settings settings, Events events);
  ~TlsStream() override;

  // Says `text` in the clear. False, and nothing is said: the peer has begun TLS already.
  bool greet(std::string_view text);
  bool begun() const;  // as of on_hello

  // Before on_open it takes nothing; the handler gets no bytes, only on_end() if the peer goes away
  // or the handshake fails.
  size_t write(std::span<const iovec> parts) override;
  size_t held_bytes() const override;
  void pause_reading() override;
  void resume_reading() override;
  void start(StreamHandler* handler) override;
  // Says close_notify if TLS is on.
  void close(uint16_t code, std::string_view why) override;
  const PeerAddress& peer() const override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipit::net
