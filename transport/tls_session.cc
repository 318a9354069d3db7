#include "transport/tls_session.h"

#include <algorithm>
#include <cstring>

#include "transport/tls_mbedtls.h"

namespace pipit::net {

struct TlsSession::Impl {
  std::shared_ptr<const TlsContext> context;
  mbed::Ssl ssl;
  // The buffers of the call that is under way.
  std::string_view* in = nullptr;
  std::string* out = nullptr;
  std::string fault;

  static int send(void* self, const unsigned char* bytes, size_t size) {
    static_cast<Impl*>(self)->out->append(reinterpret_cast<const char*>(bytes), size);
    return static_cast<int>(size);
  }
  static int receive(void* self, unsigned char* room, size_t size) {
    std::string_view& in = *static_cast<Impl*>(self)->in;
    if (in.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
    const size_t count = std::min(size, in.size());
    std::memcpy(room, in.data(), count);
    in.remove_prefix(count);
    return static_cast<int>(count);
  }
  // `code` is what a call of the library gave that is neither success nor bytes.
  Status status(int code);
  bool pinned();
};

TlsSession::Status TlsSession::Impl::status(int code) {
  switch (code) {
    case MBEDTLS_ERR_SSL_WANT_READ:
      return Status::want_input;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
      return Status::closed;
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
    case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
      return Status::done;
#endif
    default:
      break;
  }
  fault = mbed::error_text(code);
  if (code == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
    char reasons[512];
    const int size = mbedtls_x509_crt_verify_info(reasons, sizeof reasons, ": ",
                                                  mbedtls_ssl_get_verify_result(ssl.get()));
    if (size > 0) fault = "client certificate" + std::string(reasons, static_cast<size_t>(size));
    while (fault.ends_with('\n')) fault.pop_back();
    std::replace(fault.begin(), fault.end(), '\n', ';');
  }
  return Status::failed;
}

bool TlsSession::Impl::pinned() {
  const auto& pins = context->impl().pins;
  if (pins.empty()) return true;
  const mbedtls_x509_crt* shown = mbedtls_ssl_get_peer_cert(ssl.get());
  if (shown == nullptr) return false;
  unsigned char digest[32];
  mbed::sha256(shown->pk_raw.p, shown->pk_raw.len, digest);
  const std::string_view found(reinterpret_cast<const char*>(digest), sizeof digest);
  return std::find(pins.begin(), pins.end(), found) != pins.end();
}

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;

std::unique_ptr<TlsSession> TlsSession::make(std::shared_ptr<const TlsContext> context) {
  auto impl = std::make_unique<Impl>();
  impl->context = std::move(context);
  mbedtls_ssl_context* ssl = impl->ssl.get();
  if (mbedtls_ssl_setup(ssl, impl->context->impl().config.get()) != 0) return nullptr;
  mbedtls_ssl_set_bio(ssl, impl.get(), &Impl::send, &Impl::receive, nullptr);
  return std::unique_ptr<TlsSession>(new TlsSession(std::move(impl)));
}

TlsSession::Status TlsSession::handshake(std::string_view& in, std::string& out) {
  impl_->in = &in;
  impl_->out = &out;
  if (const int code = mbedtls_ssl_handshake(impl_->ssl.get()); code != 0) {
    // The one failure of which mbedTLS says nothing to the peer.
    if (code == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE)
      mbedtls_ssl_send_alert_message(impl_->ssl.get(), MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                     MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
    return impl_->status(code);
  }
  if (impl_->pinned()) return Status::done;
  impl_->fault = "the client's certificate is none of pinned_certs";
  mbedtls_ssl_send_alert_message(impl_->ssl.get(), MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                 MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
  return Status::failed;
}

TlsSession::Status TlsSession::read(std::string_view& in, std::span<std::byte> room, size_t& got,
                                    std::string& out) {
  impl_->in = &in;
  impl_->out = &out;
  got = 0;
  const int result = mbedtls_ssl_read(impl_->ssl.get(),
                                      reinterpret_cast<unsigned char*>(room.data()), room.size());
  if (result < 0) return impl_->status(result);
  got = static_cast<size_t>(result);  // 0: of an empty record
  return Status::done;
}

bool TlsSession::write(std::string_view plain, std::string& out) {
  std::string_view nothing;
  impl_->in = &nothing;
  impl_->out = &out;
  const int result = mbedtls_ssl_write(
      impl_->ssl.get(), reinterpret_cast<const unsigned char*>(plain.data()), plain.size());
  if (result == static_cast<int>(plain.size())) return true;
  impl_->status(result);
  return false;
}

void TlsSession::close(std::string& out) {
  impl_->out = &out;
  mbedtls_ssl_close_notify(impl_->ssl.get());
}

size_t TlsSession::max_plain() const {
  const int size = mbedtls_ssl_get_max_out_record_payload(impl_->ssl.get());
  return size > 0 ? std::min(static_cast<size_t>(size), kMaxRecord) : 512;
}

TlsPeer TlsSession::peer() const {
  TlsPeer peer;
  const char* version = mbedtls_ssl_get_version(impl_->ssl.get());
  peer.version = std::string_view(version).starts_with("TLSv") ? version + 4 : version;
  peer.cipher_suite = mbedtls_ssl_get_ciphersuite(impl_->ssl.get());
  if (peer.cipher_suite.starts_with("TLS1-3-")) peer.cipher_suite.replace(0, 7, "TLS-");
  std::replace(peer.cipher_suite.begin(), peer.cipher_suite.end(), '-', '_');
  return peer;
}

const std::string& TlsSession::fault() const { return impl_->fault; }

}  // namespace pipit::net
