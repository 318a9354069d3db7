#include "tests/support/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace pipit::test {
namespace {

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) std::abort();
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

std::string Issued::certificate_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate.get());
  return text_of(bio);
}

std::string Issued::key_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return text_of(bio);
}

std::string Issued::pin() const {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(der, static_cast<size_t>(size), digest, &length, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    hex += "0123456789abcdef"[digest[i] >> 4];
    hex += "0123456789abcdef"[digest[i] & 15];
  }
  return hex;
}

Issued issue(const Wanted& wanted) {
  Issued made;
  made.key.reset(wanted.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen(wanted.curve.c_str()));
  made.certificate.reset(X509_new());
  X509* certificate = made.certificate.get();
  if (made.key == nullptr || certificate == nullptr) std::abort();
  static long serial = 0;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), wanted.from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wanted.until_s);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wanted.name.c_str()), -1, -1,
                             0);
  X509* issuer = wanted.issuer != nullptr ? wanted.issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  add_extension(certificate, issuer, NID_basic_constraints,
                wanted.issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  add_extension(certificate, issuer, NID_subject_alt_name, "DNS:" + wanted.name + ",IP:127.0.0.1");
  EVP_PKEY* signer = wanted.issuer != nullptr ? wanted.issuer->key.get() : made.key.get();
  if (X509_sign(certificate, signer, EVP_sha256()) == 0) std::abort();
  return made;
}

TlsClient::TlsClient(const Settings& settings) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_security_level(context_, 0);  // so that TLS 1.1 can be asked for
  SSL_CTX_set_min_proto_version(context_, settings.min_version);
  SSL_CTX_set_max_proto_version(context_, settings.max_version);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT);
  if (!settings.suites.empty()) SSL_CTX_set_cipher_list(context_, settings.suites.c_str());
  if (!settings.groups.empty()) SSL_CTX_set1_groups_list(context_, settings.groups.c_str());
  if (settings.own != nullptr) {
    SSL_CTX_use_certificate(context_, settings.own->certificate.get());
    SSL_CTX_use_PrivateKey(context_, settings.own->key.get());
  }
  ssl_ = SSL_new(context_);
  if (settings.authority != nullptr) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), settings.authority->certificate.get());
    SSL_set_verify(ssl_, SSL_VERIFY_PEER, nullptr);
    if (!settings.server_name.empty()) SSL_set1_host(ssl_, settings.server_name.c_str());
  }
  if (!settings.server_name.empty()) SSL_set_tlsext_host_name(ssl_, settings.server_name.c_str());
  if (settings.session != nullptr) SSL_set_session(ssl_, settings.session);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(ssl_), -1);
  SSL_set_connect_state(ssl_);
}

TlsClient::~TlsClient() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  ERR_clear_error();
}

void TlsClient::feed(std::string_view bytes) {
  BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
}

std::string TlsClient::take() {
  std::string bytes(BIO_ctrl_pending(SSL_get_wbio(ssl_)), '\0');
  if (!bytes.empty()) BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

bool TlsClient::check(int result) {
  if (result > 0) return true;
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
  if (error == SSL_ERROR_ZERO_RETURN) {
    ended_ = true;
    return false;
  }
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof text);
  fault_ = text;
  return false;
}

bool TlsClient::handshake() {
  ERR_clear_error();
  return check(SSL_do_handshake(ssl_));
}

void TlsClient::write(std::string_view plain) {
  ERR_clear_error();
  if (!plain.empty()) check(SSL_write(ssl_, plain.data(), static_cast<int>(plain.size())));
}

std::string TlsClient::read() {
  std::string plain;
  char buffer[16 * 1024];
  for (;;) {
    ERR_clear_error();
    const int n = SSL_read(ssl_, buffer, sizeof buffer);
    if (!check(n)) return plain;
    plain.append(buffer, static_cast<size_t>(n));
  }
}

void TlsClient::close() { SSL_shutdown(ssl_); }

void TlsClient::renegotiate() {
  SSL_renegotiate(ssl_);
  handshake();
}

bool TlsClient::resumed() const { return SSL_session_reused(ssl_) != 0; }
SSL_SESSION* TlsClient::session() const { return SSL_get1_session(ssl_); }
std::string TlsClient::suite() const { return SSL_get_cipher_name(ssl_); }
std::string TlsClient::version() const { return SSL_get_version(ssl_); }
std::string TlsClient::group() const {
  EVP_PKEY* key = nullptr;
  if (SSL_get_peer_tmp_key(ssl_, &key) != 1) return "";
  char name[80] = "";
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &size) != 1)
    std::snprintf(name, sizeof name, "%s", OBJ_nid2sn(EVP_PKEY_get_id(key)));
  EVP_PKEY_free(key);
  return name;
}

}  // namespace pipit::test
