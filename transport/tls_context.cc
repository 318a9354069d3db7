#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "transport/tls_mbedtls.h"

namespace pipit::net {
namespace mbed {

int random(void*, unsigned char* out, size_t size) {
  while (size > 0) {
    const ssize_t n = getrandom(out, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
    out += n;
    size -= static_cast<size_t>(n);
  }
  return 0;
}

std::string error_text(int code) {
  char text[160];
  mbedtls_strerror(code, text, sizeof text);
  return text;
}

}  // namespace mbed

namespace {

// A client comes back with its ticket within this time; the key changes as often.
constexpr uint32_t kTicketLifetimeS = 24 * 3600;

// Best first, by measurement: without AES-GCM in assembler the library's ChaCha20-Poly1305
// costs 1.9 ns a byte, AES-128-GCM 3.1, AES-256-GCM 3.4 (one core, 16 KiB records).
constexpr std::array<std::string_view, 6> kSuites = {
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",       "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"};
constexpr std::array<std::string_view, 3> kSuites13 = {
    "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"};

// Cheapest first. P-521 is left out: it doubles a handshake, and clients rank it high.
constexpr std::array<std::string_view, 3> kCurves = {"X25519", "CurveP256", "CurveP384"};

std::string library_name() { return "mbed TLS " MBEDTLS_VERSION_STRING; }

bool is_suite13(std::string_view name) {
  return name.starts_with("TLS_AES_") || name.starts_with("TLS_CHACHA20_");
}

// nats-server's name to mbedTLS's number; 0: it knows none.
int suite_id(std::string_view name) {
  std::string own(name);
  if (own.ends_with("_CHACHA20_POLY1305")) own += "_SHA256";  // Go's older name
  std::replace(own.begin(), own.end(), '_', '-');
  if (is_suite13(name)) own.replace(0, 4, "TLS1-3-");
  return mbedtls_ssl_get_ciphersuite_id(own.c_str());
}

mbedtls_ecp_group_id curve_id(std::string_view name) {
  if (name == "X25519") return MBEDTLS_ECP_DP_CURVE25519;
  if (name == "CurveP256") return MBEDTLS_ECP_DP_SECP256R1;
  if (name == "CurveP384") return MBEDTLS_ECP_DP_SECP384R1;
  if (name == "CurveP521") return MBEDTLS_ECP_DP_SECP521R1;
  return MBEDTLS_ECP_DP_NONE;
}

const mbedtls_ecp_curve_info* curve_info(std::string_view name) {
  const mbedtls_ecp_group_id id = curve_id(name);
  return id == MBEDTLS_ECP_DP_NONE ? nullptr : mbedtls_ecp_curve_info_from_grp_id(id);
}

Error wrong(std::string text) {
  return {Errc::invalid_config, 0, "TlsContext::load", std::move(text)};
}

Result<std::unique_ptr<mbed::Pair>> load_pair(const TlsCertificate& files) {
  auto pair = std::make_unique<mbed::Pair>();
  if (files.cert_file.empty()) return wrong("missing 'cert_file' in TLS configuration");
  if (files.key_file.empty()) return wrong("missing 'key_file' in TLS configuration");
  if (const int code = mbedtls_x509_crt_parse_file(pair->chain.get(), files.cert_file.c_str());
      code != 0)
    return wrong("TLS certificate " + files.cert_file + ": " +
                 (code > 0 ? "not every certificate in it can be read" : mbed::error_text(code)));
  if (const int code = mbed::parse_key_file(pair->key.get(), files.key_file.c_str()); code != 0)
    return wrong("TLS key " + files.key_file + ": " + mbed::error_text(code));
  if (mbed::check_pair(&pair->chain->pk, pair->key.get()) != 0)
    return wrong("TLS key " + files.key_file + " does not belong to certificate " +
                 files.cert_file);
  return pair;
}

Result<void> set_suites(const TlsOptions& options, TlsContext::Impl& impl) {
  std::vector<std::string_view> names(options.cipher_suites.begin(), options.cipher_suites.end());
  if (names.empty()) names.assign(kSuites.begin(), kSuites.end());
  // The suites of TLS 1.3 are no matter of choice, as in Go.
  if (mbed::kTls13) names.insert(names.begin(), kSuites13.begin(), kSuites13.end());
  for (const std::string_view name : names) {
    if (std::string fault = tls_suite_fault(name); !fault.empty()) return wrong(std::move(fault));
    if (const int id = suite_id(name); id != 0) impl.suites.push_back(id);
  }
  impl.suites.push_back(0);
  mbedtls_ssl_conf_ciphersuites(impl.config.get(), impl.suites.data());
  return {};
}

Result<void> set_groups(const TlsOptions& options, TlsContext::Impl& impl) {
  std::vector<std::string_view> names(options.curve_preferences.begin(),
                                      options.curve_preferences.end());
  if (names.empty()) names.assign(kCurves.begin(), kCurves.end());
  for (const std::string_view name : names) {
    if (std::string fault = tls_curve_fault(name); !fault.empty()) return wrong(std::move(fault));
    impl.groups.push_back(mbed::group_id(*curve_info(name)));
  }
  // The list is also that of curves a certificate may use: without our own no handshake succeeds.
  for (const auto& pair : impl.pairs) {
    if (mbedtls_pk_can_do(&pair->chain->pk, MBEDTLS_PK_ECKEY) == 0) continue;
    const auto* info = mbedtls_ecp_curve_info_from_grp_id(mbed::group_of(pair->chain->pk));
    if (info == nullptr)
      return wrong("a TLS certificate uses a curve unknown to " + library_name());
    const mbed::GroupId own = mbed::group_id(*info);
    if (std::find(impl.groups.begin(), impl.groups.end(), own) == impl.groups.end())
      impl.groups.push_back(own);
  }
  impl.groups.push_back({});
  mbed::set_groups(impl.config.get(), impl.groups.data());
  return {};
}

Result<void> set_pins(const TlsOptions& options, TlsContext::Impl& impl) {
  for (const std::string& text : options.pinned_certs) {
    std::string bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
      const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        const char lower = static_cast<char>(c | 0x20);
        return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
      };
      const int high = digit(text[i]), low = digit(text[i + 1]);
      if (high < 0 || low < 0) break;
      bytes += static_cast<char>(high << 4 | low);
    }
    if (text.size() != 64 || bytes.size() != 32)
      return wrong("pinned_certs: \"" + text +
                   "\" is no hex-encoded SHA-256 of a DER encoded SubjectPublicKeyInfo");
    impl.pins.push_back(std::move(bytes));
  }
  return {};
}

bool name_matches(std::string_view pattern, std::string_view name) {
  const auto equal = [](std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
      return std::tolower(x) == std::tolower(y);
    });
  };
  if (equal(pattern, name)) return true;
  if (!pattern.starts_with("*.")) return false;
  const size_t dot = name.find('.');
  return dot != std::string_view::npos && dot > 0 && equal(pattern.substr(1), name.substr(dot));
}

bool certificate_names(const mbedtls_x509_crt& certificate, std::string_view name) {
  constexpr int kDnsName = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2;
  for (const mbedtls_x509_sequence* i = &certificate.subject_alt_names; i != nullptr; i = i->next) {
    if ((i->buf.tag & (MBEDTLS_ASN1_TAG_CLASS_MASK | MBEDTLS_ASN1_TAG_VALUE_MASK)) == kDnsName &&
        name_matches({reinterpret_cast<const char*>(i->buf.p), i->buf.len}, name))
      return true;
  }
  return false;
}

// Of several certificates, the first that bears the name asked for; else all stand for choice.
int choose_by_name(void* context, mbedtls_ssl_context* ssl, const unsigned char* name,
                   size_t size) {
  const auto& impl = *static_cast<const TlsContext::Impl*>(context);
  const std::string_view wanted(reinterpret_cast<const char*>(name), size);
  for (const auto& pair : impl.pairs)
    if (certificate_names(*pair->chain.get(), wanted))
      return mbedtls_ssl_set_hs_own_cert(ssl, pair->chain.get(), pair->key.get());
  return 0;
}

}  // namespace

std::string tls_suite_fault(std::string_view name) {
  if (is_suite13(name))
    return mbed::kTls13 && suite_id(name) != 0
               ? ""
               : "cipher suite " + std::string(name) + " is of TLS 1.3, which " + library_name() +
                     " does not have";
  if (suite_id(name) == 0) return "unrecognized cipher " + std::string(name);
  const bool exchange =
      name.starts_with("TLS_ECDHE_ECDSA_WITH_") || name.starts_with("TLS_ECDHE_RSA_WITH_");
  const bool cipher = name.find("_GCM_") != std::string_view::npos ||
                      name.find("_CHACHA20_") != std::string_view::npos ||
                      name.ends_with("_AES_128_CBC_SHA") || name.ends_with("_AES_256_CBC_SHA");
  if (exchange && cipher) return "";
  return "cipher suite " + std::string(name) +
         " is insecure: ECDHE with AES-GCM, ChaCha20-Poly1305 or AES-CBC-SHA is due";
}

std::string tls_curve_fault(std::string_view name) {
  if (name == "X25519MLKEM768") return "curve X25519MLKEM768 is unknown to " + library_name();
  if (curve_id(name) == MBEDTLS_ECP_DP_NONE)
    return "unrecognized curve preference " + std::string(name);
  if (curve_info(name) == nullptr)
    return "curve " + std::string(name) + " is not built into " + library_name();
  return "";
}

std::string tls_version_fault(std::string_view version) {
  if (version.empty() || version == "1.2" || (version == "1.3" && mbed::kTls13)) return "";
  if (version == "1.3")
    return "min_version \"1.3\": " + library_name() + " has no later version than TLS 1.2";
  return "unsupported TLS version \"" + std::string(version) + "\": \"1.2\" or \"1.3\" is due";
}

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsOptions& options) {
  if (!mbed::prepare_library()) return wrong(library_name() + " cannot be initialised");
  auto impl = std::make_unique<Impl>();
  mbedtls_ssl_config* config = impl->config.get();
  if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                  MBEDTLS_SSL_PRESET_DEFAULT) != 0)
    return wrong("no memory for TLS");
  mbedtls_ssl_conf_rng(config, &mbed::random, nullptr);
  if (std::string fault = tls_version_fault(options.min_version); !fault.empty())
    return wrong(std::move(fault));
  mbed::set_min_version(config, options.min_version == "1.3");
  mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);

  if (!options.enabled()) return wrong("missing 'cert_file' in TLS configuration");
  for (const TlsCertificate& files : options.certificates) {
    auto pair = load_pair(files);
    if (!pair.ok()) return pair.take_error();
    impl->pairs.push_back(std::move(pair).value());
    mbed::Pair& own = *impl->pairs.back();
    if (mbedtls_ssl_conf_own_cert(config, own.chain.get(), own.key.get()) != 0)
      return wrong("no memory for TLS");
  }
  if (impl->pairs.size() > 1) mbedtls_ssl_conf_sni(config, &choose_by_name, impl.get());

  if (!options.ca_file.empty())
    if (const int code =
            mbedtls_x509_crt_parse_file(impl->authorities.get(), options.ca_file.c_str());
        code != 0)
      return wrong("TLS ca_file " + options.ca_file + ": " +
                   (code > 0 ? "not every certificate in it can be read" : mbed::error_text(code)));
  if (options.verify) {
    if (options.ca_file.empty()) return wrong("TLS 'verify' needs a 'ca_file'");
    mbedtls_ssl_conf_ca_chain(config, impl->authorities.get(), nullptr);
  }
  mbedtls_ssl_conf_authmode(config,
                            options.verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
  PIPIT_TRY(set_suites(options, *impl));
  PIPIT_TRY(set_groups(options, *impl));
  PIPIT_TRY(set_pins(options, *impl));

  if (mbedtls_ssl_ticket_setup(impl->tickets.get(), &mbed::random, nullptr,
                               MBEDTLS_CIPHER_AES_256_GCM, kTicketLifetimeS) != 0)
    return wrong("cannot make a key for TLS session tickets");
  mbedtls_ssl_conf_session_tickets_cb(config, &mbedtls_ssl_ticket_write, &mbedtls_ssl_ticket_parse,
                                      impl->tickets.get());
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

int64_t TlsContext::not_after() const {
  const mbedtls_x509_time& end = impl_->pairs.front()->chain->valid_to;
  tm parts{};
  parts.tm_year = end.year - 1900;
  parts.tm_mon = end.mon - 1;
  parts.tm_mday = end.day;
  parts.tm_hour = end.hour;
  parts.tm_min = end.min;
  parts.tm_sec = end.sec;
  return timegm(&parts);
}

}  // namespace pipit::net
