// TLS of a client connection: who speaks first on a TCP one, and how long the handshake may take.
// A WebSocket one has its TLS below its own handshake and under that one's deadline.
#include "server/broker.h"
#include "server/connection.h"
#include "server/reactor.h"

namespace pipit {

void Connection::begin_tls() {
  const TlsOptions& options = reactor_.settings().options.tls;
  if (options.handshake_first == TlsFirst::never && !tls_->begun()) return send_info(false);
  arm_liveness(options.handshake_first == TlsFirst::automatic && !tls_->begun()
                   ? options.first_fallback_ns
                   : options.handshake_timeout_ns());
}

// Has the client begun TLS, or does it have to?
bool Connection::tls_due() const {
  return tls_ != nullptr && (tls_->begun() || reactor_.settings().info(wire_).tls_required);
}

void Connection::tls_hello() {
  reactor_.awake();
  if (tls_ == nullptr) return;
  // Elsewhere the time runs from the start.
  const TlsOptions& options = reactor_.settings().options.tls;
  const bool waited_for = options.handshake_first == TlsFirst::automatic && !opened_;
  if (waited_for || !reactor_.settings().info(wire_).tls_required)
    arm_liveness(options.handshake_timeout_ns());
}

void Connection::tls_open(const net::TlsPeer* peer) {
  reactor_.awake();
  tls_ = nullptr;
  if (peer != nullptr) {
    details().tls_version = peer->version;
    details().tls_cipher_suite = peer->cipher_suite;
    details().tls_first = wire_ == Wire::tcp && !opened_;
  }
  if (wire_ != Wire::tcp) return;
  if (!opened_)
    send_info(false);
  else if (peer != nullptr)
    arm_first_deadline();
}

// False: the timer is that of a client that may go on without TLS.
bool Connection::on_tls_timer() {
  if (!opened_ && !tls_->begun() &&
      reactor_.settings().options.tls.handshake_first == TlsFirst::automatic) {
    send_info(false);
    return true;
  }
  if (!tls_due()) return false;
  tls_failed("timeout");
  return true;
}

void Connection::tls_failed(std::string_view why) {
  say(LogLevel::error, "TLS handshake error: " + std::string(why));
  close(proto::CloseReason::tls_handshake_error);
}

}  // namespace pipit
