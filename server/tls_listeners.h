// TlsListeners: the TLS context of each listener, as loaded last, and the threads for handshakes.
// Without TLS in the options nothing of it exists.
//
// A connection takes the context that holds when it is accepted and keeps it for life.
#pragma once
#include <array>
#include <memory>
#include <mutex>

#include "pipit/options.h"
#include "pipit/result.h"
#include "transport/tls_context.h"
#include "transport/tls_handshakes.h"
#include "transport/tls_stream.h"

namespace pipit {

enum class TlsPort : uint8_t { client, websocket, monitor };

class TlsListeners {
 public:
  // Reads every certificate that `options` name, all or nothing: a fault leaves what was. At first
  // by the owner, to reload [any]. `options` say the same each time; the files may differ.
  Result<void> load(const Options& options);
  // [any] A stream that does TLS on `below`; `below` itself where the port has none.
  struct Wrapped {
    std::unique_ptr<net::ByteStream> stream;
    net::TlsStream* tls;  // null: none
  };
  Wrapped wrap(TlsPort port, std::unique_ptr<net::ByteStream> below, net::TlsScratch& scratch,
               std::function<void(std::function<void()>)> post, bool allow_plain,
               net::TlsStream::Events events) const;
  // Seconds since the Unix epoch; 0: no TLS there.
  int64_t not_after(TlsPort port) const;
  // [owner] Ends the threads; handshakes under way stay where they are.
  void stop();

 private:
  using Context = std::shared_ptr<const net::TlsContext>;
  Context context(TlsPort port) const;

  mutable std::mutex mutex_;
  std::array<Context, 3> contexts_;  // by TlsPort
  std::unique_ptr<net::TlsHandshakes> handshakes_;
};

}  // namespace pipit
