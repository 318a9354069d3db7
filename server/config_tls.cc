#include "server/config_tls.h"

#include <algorithm>
#include <array>

#include "server/config_reader.h"
#include "transport/tls_context.h"

namespace pipit {
namespace {

// What nats-server knows and Pipit does not have.
constexpr std::array<std::string_view, 11> kNotBuilt = {"verify_and_map",
                                                        "connection_rate_limit",
                                                        "allow_insecure_cipher_suites",
                                                        "ocsp_peer",
                                                        "cert_store",
                                                        "cert_match_by",
                                                        "cert_match",
                                                        "ca_certs_match",
                                                        "cert_match_skip_invalid",
                                                        "insecure",
                                                        "verify_cert_and_check_known_urls"};

class TlsReader : private ConfigReader {
 public:
  TlsReader(TlsOptions& out, ConfigFaults& faults) : ConfigReader(faults), o_(out) {}
  void block(const ConfigValue& v, bool client_port);

 private:
  void first(const ConfigValue& v);
  void certificates(const ConfigValue& v);
  // A list of names, not empty, each looked up by `fault`.
  Handler names(std::vector<std::string>& out, std::string (*fault)(std::string_view)) {
    return [this, &out, fault](const ConfigValue& v) {
      if (!expect(v, Type::array)) return;
      if (v.items.empty()) error(v.at, "the list cannot be empty");
      out.clear();
      for (const ConfigValue& item : v.items) {
        if (!expect(item, Type::string)) continue;
        if (const std::string text = fault(item.text); !text.empty()) error(item.at, text);
        out.push_back(item.text);
      }
    };
  }

  TlsOptions& o_;
};

std::string pin_fault(std::string_view text) {
  const bool hex =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (hex && text.size() == 64) return "";
  return "\"" + std::string(text) +
         "\" does not look like a hex-encoded SHA-256 of a DER encoded SubjectPublicKeyInfo";
}

// true, false, auto, or how long to wait for the client.
void TlsReader::first(const ConfigValue& v) {
  if (v.type == Type::boolean) {
    o_.handshake_first = v.boolean ? TlsFirst::always : TlsFirst::never;
    return;
  }
  if (!expect(v, Type::string)) return;
  const std::string word = lowered(v.text);
  if (word == "true" || word == "on" || word == "false" || word == "off") {
    o_.handshake_first = word == "true" || word == "on" ? TlsFirst::always : TlsFirst::never;
    return;
  }
  o_.handshake_first = TlsFirst::automatic;
  if (word == "auto" || word == "auto_fallback") return;
  duration(o_.first_fallback_ns)(v);
}

void TlsReader::certificates(const ConfigValue& v) {
  if (!expect(v, Type::array)) return;
  o_.certificates.clear();
  for (const ConfigValue& item : v.items) {
    if (!expect(item, Type::map)) continue;
    TlsCertificate files;
    walk(item, {{"cert_file", text(files.cert_file)}, {"key_file", text(files.key_file)}}, {},
         "tls certs");
    if (files.cert_file.empty() || files.key_file.empty())
      error(item.at, "a certificate of 'certs' needs 'cert_file' and 'key_file'");
    o_.certificates.push_back(std::move(files));
  }
}

void TlsReader::block(const ConfigValue& v, bool client_port) {
  if (!expect(v, Type::map)) return;
  o_ = TlsOptions{};
  TlsCertificate single;
  const auto certs = [this](const ConfigValue& value) { certificates(value); };
  const auto min_version = [this](const ConfigValue& value) {
    // Without quotes it is a float.
    if (value.type == Type::real)
      o_.min_version = value.real == 1.2 ? "1.2" : value.real == 1.3 ? "1.3" : "unknown";
    else if (expect(value, Type::string))
      o_.min_version = value.text;
    if (const std::string fault = net::tls_version_fault(o_.min_version); !fault.empty())
      error(value.at, fault);
  };
  Table table = {{"cert_file", text(single.cert_file)},
                 {"key_file", text(single.key_file)},
                 {"ca_file", text(o_.ca_file)},
                 {"verify", boolean(o_.verify)},
                 {"timeout", seconds(o_.timeout_ns)},
                 {"min_version", min_version},
                 {"cipher_suites", names(o_.cipher_suites, &net::tls_suite_fault)},
                 {"curve_preferences", names(o_.curve_preferences, &net::tls_curve_fault)},
                 {"pinned_certs", names(o_.pinned_certs, &pin_fault)},
                 {"certs", certs},
                 {"certificates", certs}};
  for (const char* name : {"handshake_first", "first", "immediate"})
    table[name] = [this, client_port](const ConfigValue& value) {
      if (!client_port)
        return error(value.at,
                     "TLS comes first here anyway: 'handshake_first' is of the client port");
      first(value);
    };
  walk(v, table, kNotBuilt, "tls");

  const bool files = !single.cert_file.empty() || !single.key_file.empty();
  if (files && !o_.certificates.empty())
    error(v.at, "'certs' and 'cert_file' with 'key_file' cannot both be used");
  else if (files && single.cert_file.empty())
    error(v.at, "missing 'cert_file' in TLS configuration");
  else if (files && single.key_file.empty())
    error(v.at, "missing 'key_file' in TLS configuration");
  else if (files)
    o_.certificates.push_back(std::move(single));
  else if (o_.certificates.empty() && !v.entries.empty())
    error(v.at, "missing 'cert_file' in TLS configuration");
}

void validate_block(const TlsOptions& options, const char* name, ConfigFaults& faults) {
  for (const TlsCertificate& files : options.certificates) {
    if (files.cert_file.empty())
      faults.errors.push_back(std::string(name) + ": TLS server certificate must be present");
    else if (files.key_file.empty())
      faults.errors.push_back(std::string(name) + ": TLS server private key must be present");
  }
  if (options.verify && !options.enabled())
    faults.errors.push_back(std::string(name) +
                            ": 'verify' needs a certificate of the server's own");
  if (options.verify && options.ca_file.empty())
    faults.errors.push_back(std::string(name) +
                            ": 'verify' needs a 'ca_file' (the system's authorities are not used)");
}

}  // namespace

void read_tls(const ConfigValue& v, bool client_port, TlsOptions& out, ConfigFaults& faults) {
  TlsReader(out, faults).block(v, client_port);
}

void validate_tls(const Options& options, ConfigFaults& faults) {
  validate_block(options.tls, "tls", faults);
  validate_block(options.websocket.tls, "websocket tls", faults);
  if (options.websocket.enabled() && !options.websocket.no_tls && !options.websocket.tls.enabled())
    faults.errors.push_back("websocket requires TLS configuration, or no_tls: true");
  if (options.https_port != 0 && options.http_port != 0)
    faults.errors.push_back("monitoring is by http or by https, not both");
  if (options.https_port != 0 && !options.tls.enabled())
    faults.errors.push_back("monitoring: a TLS cert and key are required for https");
}

}  // namespace pipit
