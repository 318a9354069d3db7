// What the two files that know mbedTLS share: its headers, the differences between 2.28 and 3.x,
// and owners for its structures. Included by tls_context.cc and tls_session.cc only.
#pragma once
#include <mbedtls/version.h>

#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>
#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#include <memory>
#include <string>
#include <vector>

#include "transport/tls_context.h"

namespace pipit::net::mbed {

inline constexpr bool kTls13 =
#if MBEDTLS_VERSION_MAJOR >= 3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)
    true;
#else
    false;
#endif

// The kernel's random numbers: any thread, no state to share.
int random(void*, unsigned char* out, size_t size);
std::string error_text(int code);

// An mbedTLS structure between its init and its free call.
template <class T, void (*init)(T*), void (*release)(T*)>
class Owned {
 public:
  Owned() { init(&value_); }
  ~Owned() { release(&value_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  T* get() { return &value_; }
  const T* get() const { return &value_; }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }

 private:
  T value_;
};

using Certificate = Owned<mbedtls_x509_crt, mbedtls_x509_crt_init, mbedtls_x509_crt_free>;
using Key = Owned<mbedtls_pk_context, mbedtls_pk_init, mbedtls_pk_free>;
using Config = Owned<mbedtls_ssl_config, mbedtls_ssl_config_init, mbedtls_ssl_config_free>;
using Tickets = Owned<mbedtls_ssl_ticket_context, mbedtls_ssl_ticket_init, mbedtls_ssl_ticket_free>;
using Ssl = Owned<mbedtls_ssl_context, mbedtls_ssl_init, mbedtls_ssl_free>;

#if MBEDTLS_VERSION_MAJOR >= 3
using GroupId = uint16_t;  // of the TLS registry
inline int parse_key_file(mbedtls_pk_context* key, const char* path) {
  return mbedtls_pk_parse_keyfile(key, path, nullptr, &random, nullptr);
}
inline int check_pair(const mbedtls_pk_context* crt, const mbedtls_pk_context* key) {
  return mbedtls_pk_check_pair(crt, key, &random, nullptr);
}
inline mbedtls_ecp_group_id group_of(const mbedtls_pk_context& key) {
  return mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(key));
}
inline GroupId group_id(const mbedtls_ecp_curve_info& curve) { return curve.tls_id; }
inline void set_groups(mbedtls_ssl_config* config, const GroupId* zero_ended) {
  mbedtls_ssl_conf_groups(config, zero_ended);
}
inline void set_min_version(mbedtls_ssl_config* config, bool tls13) {
  mbedtls_ssl_conf_min_tls_version(config,
                                   tls13 ? MBEDTLS_SSL_VERSION_TLS1_3 : MBEDTLS_SSL_VERSION_TLS1_2);
}
inline void sha256(const unsigned char* data, size_t size, unsigned char* out) {
  mbedtls_sha256(data, size, out, 0);
}
// TLS 1.3 needs it. Idempotent and counted by nobody, so never undone.
inline bool prepare_library() { return psa_crypto_init() == PSA_SUCCESS; }
#else
using GroupId = mbedtls_ecp_group_id;
inline int parse_key_file(mbedtls_pk_context* key, const char* path) {
  return mbedtls_pk_parse_keyfile(key, path, nullptr);
}
inline int check_pair(const mbedtls_pk_context* crt, const mbedtls_pk_context* key) {
  return mbedtls_pk_check_pair(crt, key);
}
inline mbedtls_ecp_group_id group_of(const mbedtls_pk_context& key) {
  return mbedtls_pk_ec(key)->grp.id;
}
inline GroupId group_id(const mbedtls_ecp_curve_info& curve) { return curve.grp_id; }
inline void set_groups(mbedtls_ssl_config* config, const GroupId* zero_ended) {
  mbedtls_ssl_conf_curves(config, zero_ended);
}
inline void set_min_version(mbedtls_ssl_config* config, bool) {
  mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
}
inline void sha256(const unsigned char* data, size_t size, unsigned char* out) {
  mbedtls_sha256_ret(data, size, out, 0);
}
inline bool prepare_library() { return true; }
#endif

// A certificate file, chain included, and its key.
struct Pair {
  Certificate chain;
  Key key;
};

}  // namespace pipit::net::mbed

namespace pipit::net {

struct TlsContext::Impl {
  mbed::Config config;
  mbed::Tickets tickets;
  mbed::Certificate authorities;
  std::vector<std::unique_ptr<mbed::Pair>> pairs;
  std::vector<int> suites;            // zero-ended, as config refers to it
  std::vector<mbed::GroupId> groups;  // the same
  std::vector<std::string> pins;      // 32 bytes each
};

}  // namespace pipit::net
