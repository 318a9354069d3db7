// Proves what a `tls` block and the flags of TLS set, and that each thing wrong in a block is said
// with its place.
#include "server/config_tls.h"

#include <doctest/doctest.h>

#include "server/flags.h"

using namespace pipit;

namespace {

struct Read {
  Options options;
  ProcessOptions process;
  ConfigFaults faults;
};

Read read(std::string_view text) {
  Read r;
  parse_config_text(text, "f", r.options, r.process, r.faults);
  if (r.faults.errors.empty()) validate(r.options, r.faults);
  return r;
}

// The TLS options of a block with a certificate and `more`.
TlsOptions block(const std::string& more) {
  Read r = read("tls { cert_file: c.pem, key_file: k.pem, " + more + " }");
  CHECK_MESSAGE(r.faults.errors.empty(), r.faults.errors[0]);
  return r.options.tls;
}

// The one error that `more` makes; it stands in line 2, from column 1.
std::string error_of(const std::string& more) {
  Read r = read("tls { cert_file: c.pem, key_file: k.pem\n" + more + " }");
  REQUIRE(r.faults.errors.size() == 1);
  return r.faults.errors[0];
}

}  // namespace

TEST_CASE("the keys of a tls block") {
  const TlsOptions o = block(
      "ca_file: ca.pem, verify: true, timeout: 0.5, min_version: \"1.2\", "
      "pinned_certs: [ \"" +
      std::string(64, 'a') + "\" ]");
  REQUIRE(o.certificates.size() == 1);
  CHECK(o.certificates[0].cert_file == "c.pem");
  CHECK(o.certificates[0].key_file == "k.pem");
  CHECK(o.ca_file == "ca.pem");
  CHECK(o.verify);
  CHECK(o.timeout_ns == kNsPerSecond / 2);
  CHECK(o.min_version == "1.2");
  CHECK(o.pinned_certs.size() == 1);
  CHECK(o.handshake_first == TlsFirst::never);
  CHECK(block("timeout: \"3s\"").timeout_ns == 3 * kNsPerSecond);
  CHECK(block("timeout: 3").handshake_timeout_ns() == 3 * kNsPerSecond);
  CHECK(block("").handshake_timeout_ns() == 2 * kNsPerSecond);
}

TEST_CASE("certs lists several certificates") {
  Read r = read("tls { certs: [ { cert_file: a, key_file: b }, { cert_file: c, key_file: d } ] }");
  CHECK(r.faults.errors.empty());
  REQUIRE(r.options.tls.certificates.size() == 2);
  CHECK(r.options.tls.certificates[1].key_file == "d");
  CHECK(error_of("certs: [ { cert_file: a, key_file: b } ]") ==
        "f:1:1: 'certs' and 'cert_file' with 'key_file' cannot both be used");
}

TEST_CASE("handshake_first is true, false, auto or a delay") {
  CHECK(block("handshake_first: true").handshake_first == TlsFirst::always);
  CHECK(block("first: \"on\"").handshake_first == TlsFirst::always);
  CHECK(block("immediate: false").handshake_first == TlsFirst::never);
  CHECK(block("handshake_first: auto").handshake_first == TlsFirst::automatic);
  CHECK(block("handshake_first: auto").first_fallback_ns == 50 * kNsPerMs);
  CHECK(block("handshake_first: \"300ms\"").handshake_first == TlsFirst::automatic);
  CHECK(block("handshake_first: \"300ms\"").first_fallback_ns == 300 * kNsPerMs);
  CHECK(error_of("handshake_first: banana") == "f:2:1: \"banana\" is no duration");
}

TEST_CASE("a tls block is refused for what is wrong in it, at its place") {
  CHECK(error_of("verify: 3") == "f:2:1: expected a boolean, found an integer");
  CHECK(error_of("fish: 3") == "f:2:1: unknown field \"fish\"");
  CHECK(error_of("verify_and_map: true") ==
        "f:2:1: \"verify_and_map\" in tls is not built in this version of pipit");
  CHECK(error_of("ocsp_peer: true") ==
        "f:2:1: \"ocsp_peer\" in tls is not built in this version of pipit");
  CHECK(error_of("pinned_certs: [ zz ]").starts_with("f:2:17: \"zz\" does not look like"));
  CHECK(error_of("cipher_suites: [ ]") == "f:2:1: the list cannot be empty");
  CHECK(error_of("verify: true").find("'verify' needs a 'ca_file'") != std::string::npos);
  const auto whole = [](const char* text) {
    Read r = read(text);
    REQUIRE(r.faults.errors.size() == 1);
    return r.faults.errors[0];
  };
  CHECK(whole("tls { cert_file: a }") == "f:1:1: missing 'key_file' in TLS configuration");
  CHECK(whole("tls { key_file: a }") == "f:1:1: missing 'cert_file' in TLS configuration");
  CHECK(whole("tls { timeout: 3 }") == "f:1:1: missing 'cert_file' in TLS configuration");
  CHECK(whole("tls: 7") == "f:1:1: expected a map, found an integer");
  CHECK(whole("ws { port: -1 }") == "websocket requires TLS configuration, or no_tls: true");
  CHECK(whole("ws { port: -1, tls { cert_file: a, key_file: b, first: true } }")
            .find("TLS comes first here anyway") != std::string::npos);
  CHECK(whole("https: \"127.0.0.1:-1\"") ==
        "monitoring: a TLS cert and key are required for https");
  CHECK(whole("http: 1\nhttps: 2\ntls { cert_file: a, key_file: b }") ==
        "monitoring is by http or by https, not both");
}

TEST_CASE("an empty tls block is none") {
  CHECK_FALSE(read("tls {}").options.tls.enabled());
  CHECK(read("tls {}").faults.errors.empty());
}

TEST_CASE("suites and curves that the library does not have") {
  CHECK(error_of("cipher_suites: [ TLS_FISH ]") == "f:2:18: unrecognized cipher TLS_FISH");
  CHECK(error_of("curve_preferences: [ CurveP1 ]") ==
        "f:2:22: unrecognized curve preference CurveP1");
  CHECK(error_of("min_version: \"1.1\"").starts_with("f:2:1: unsupported TLS version \"1.1\""));
  CHECK(block("curve_preferences: [ X25519, CurveP256 ]").curve_preferences.size() == 2);
}

TEST_CASE("flags of TLS") {
  const auto applied = [](const std::vector<std::string>& args) {
    Read r;
    for (const auto& apply : parse_flags(args).overrides) apply(r.options, r.process);
    validate(r.options, r.faults);
    return r;
  };
  Read r = applied({"--tls", "--tlscert", "c", "--tlskey=k", "--tlscacert", "ca", "--tlsverify"});
  CHECK(r.faults.errors.empty());
  REQUIRE(r.options.tls.certificates.size() == 1);
  CHECK(r.options.tls.certificates[0].cert_file == "c");
  CHECK(r.options.tls.certificates[0].key_file == "k");
  CHECK(r.options.tls.ca_file == "ca");
  CHECK(r.options.tls.verify);
  CHECK(applied({"--tls=false"}).options.tls.certificates.empty());
  CHECK(applied({"-ms", "8443"}).options.https_port == 8443);
  for (const std::vector<std::string>& args : {std::vector<std::string>{"--tls"},
                                               {"--tls", "--tlscert", "c"},
                                               {"--tlskey", "k"},
                                               {"--tlsverify"},
                                               {"--tlsverify", "--tlscert", "c", "--tlskey", "k"}})
    CHECK_FALSE(applied(args).faults.errors.empty());
}
