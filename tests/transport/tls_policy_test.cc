// Proves whom a TlsContext lets in and how: client certificates, pins, versions, suites, curves,
// which certificate is shown, session tickets and their limits, the bound on handshakes under way,
// and the words for files and names that are wrong. The peer is OpenSSL.
#include "transport/tls_context.h"

#include <doctest/doctest.h>

#include "tests/transport/tls_pair.h"

using namespace pipit::net;
using pipit::Errc;
using pipit::TlsOptions;
using pipit::test::issue;
using pipit::test::Issued;
using Settings = pipit::test::TlsClient::Settings;

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// One handshake: did both sides say that it is done, and did bytes pass?
bool succeeds(TlsPair& pair) {
  pair.exchange();
  if (pair.opens == 0 || pair.handler.ends > 0) return false;
  pair.client.write("ping");
  pair.exchange();
  pair.client.read();
  return pair.handler.received == "ping" && !pair.client.failed();
}
bool succeeds(TlsLoop& loop, std::shared_ptr<const TlsContext> context, const Settings& settings) {
  TlsPair pair(loop, std::move(context), settings);
  return succeeds(pair);
}

}  // namespace

TEST_CASE("with verify a client shows a certificate of ours that holds today") {
  TlsLoop loop;
  TlsFiles files;
  TlsOptions options = files.options();
  options.verify = true;
  options.ca_file = files.authority_file();
  const auto context = load(options);
  const Issued good = issue({.name = "client", .issuer = &files.authority});
  const Issued expired =
      issue({.name = "late", .issuer = &files.authority, .from_s = -7200, .until_s = -3600});
  const Issued early = issue({.name = "early", .issuer = &files.authority, .from_s = 3600});
  const Issued stranger_authority = issue({.name = "stranger authority"});
  const Issued stranger = issue({.name = "client", .issuer = &stranger_authority});
  const Issued self = issue({.name = "client"});
  CHECK(succeeds(loop, context, {.own = &good}));
  CHECK_FALSE(succeeds(loop, context, {}));
  CHECK_FALSE(succeeds(loop, context, {.own = &expired}));
  CHECK_FALSE(succeeds(loop, context, {.own = &early}));
  CHECK_FALSE(succeeds(loop, context, {.own = &stranger}));
  CHECK_FALSE(succeeds(loop, context, {.own = &self}));

  for (const Issued* shown : {&expired, &stranger, static_cast<const Issued*>(nullptr)}) {
    TlsPair refused(loop, context, {.max_version = TLS1_2_VERSION, .own = shown});
    refused.exchange();
    CHECK(refused.handler.ends == 1);
    refused.exchange();
    CHECK(refused.client.failed());  // it got an alert
  }
}

TEST_CASE("without verify no certificate is asked for") {
  TlsLoop loop;
  TlsFiles files;
  const auto context = load(files.options());
  const Issued stranger = issue({.name = "client"});
  CHECK(succeeds(loop, context, {}));
  CHECK(succeeds(loop, context, {.own = &stranger}));
}

TEST_CASE("pinned_certs lets in who is listed, also by ticket") {
  TlsLoop loop;
  TlsFiles files;
  const Issued listed = issue({.name = "listed", .issuer = &files.authority});
  const Issued other = issue({.name = "other", .issuer = &files.authority});
  TlsOptions options = files.options();
  options.verify = true;
  options.ca_file = files.authority_file();
  options.pinned_certs = {std::string(64, '0'), listed.pin()};
  const auto context = load(options);
  CHECK_FALSE(succeeds(loop, context, {.own = &other}));
  TlsPair first(loop, context, {.max_version = TLS1_2_VERSION, .own = &listed});
  CHECK(succeeds(first));
  SSL_SESSION* ticket = first.client.session();
  TlsPair again(loop, context, {.max_version = TLS1_2_VERSION, .own = &listed, .session = ticket});
  CHECK(succeeds(again));
  CHECK(again.client.resumed());
  SSL_SESSION_free(ticket);
  options.verify = false;  // then nobody shows one
  CHECK_FALSE(succeeds(loop, load(options), {.own = &listed}));
}

TEST_CASE("a client that finds our certificate wrong ends the handshake") {
  TlsLoop loop;
  TlsFiles files;
  const Issued stranger = issue({.name = "stranger"});
  const auto context = load(files.options());
  CHECK(succeeds(loop, context, {.authority = &files.authority, .server_name = "localhost"}));
  for (const Settings& settings :
       {Settings{.authority = &stranger, .server_name = "localhost"},
        Settings{.authority = &files.authority, .server_name = "elsewhere"}}) {
    TlsPair pair(loop, context, settings);
    CHECK_FALSE(succeeds(pair));
    CHECK(pair.client.failed());
    pair.exchange();
    CHECK(pair.handler.ends == 1);
  }
  TlsOptions late;
  late.certificates.push_back(
      files.write(issue({.issuer = &files.authority, .from_s = -7200, .until_s = -60})));
  CHECK_FALSE(
      succeeds(loop, load(late), {.authority = &files.authority, .server_name = "localhost"}));
}

TEST_CASE("versions before TLS 1.2 are refused") {
  TlsLoop loop;
  TlsFiles files;
  const auto context = load(files.options());
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    TlsPair pair(loop, context, {.max_version = version});
    CHECK_FALSE(succeeds(pair));
    CHECK(pair.handler.ends == 1);
  }
  CHECK(succeeds(loop, context, {.max_version = TLS1_2_VERSION, .min_version = TLS1_2_VERSION}));
}

TEST_CASE("P-521 is not chosen while the client knows another curve") {
  TlsLoop loop;
  TlsFiles files;
  const auto context = load(files.options());
  for (const auto& [offered, chosen] :
       {std::pair{"P-521:X25519:P-256", "X25519"}, std::pair{"P-521:P-384:P-256", "prime256v1"}}) {
    TlsPair pair(loop, context, {.max_version = TLS1_2_VERSION, .groups = offered});
    CHECK(succeeds(pair));
    CHECK(pair.client.group() == chosen);
  }
  CHECK_FALSE(succeeds(loop, context, {.groups = "P-521"}));
  TlsOptions asked = files.options();
  asked.curve_preferences = {"CurveP521", "CurveP256"};
  TlsPair pair(loop, load(asked), {.max_version = TLS1_2_VERSION, .groups = "P-256:P-521"});
  CHECK(succeeds(pair));
  CHECK(pair.client.group() == "secp521r1");
}

TEST_CASE("suites: Pipit's order wins, a list is kept to, others are refused") {
  TlsLoop loop;
  TlsFiles files;
  const auto context = load(files.options());
  const auto with = [&](const char* suites) {
    return Settings{.max_version = TLS1_2_VERSION, .suites = suites};
  };
  TlsPair free(loop, context, with("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"));
  CHECK(succeeds(free));
  CHECK(free.tls.cipher_suite == "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
  CHECK(succeeds(loop, context, with("ECDHE-ECDSA-AES256-GCM-SHA384")));
  CHECK_FALSE(succeeds(loop, context, with("ECDHE-ECDSA-AES128-SHA")));
  TlsOptions listed = files.options();
  listed.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"};
  CHECK(succeeds(loop, load(listed), with("ECDHE-ECDSA-AES128-SHA")));
  CHECK_FALSE(succeeds(loop, load(listed), with("ECDHE-ECDSA-AES128-GCM-SHA256")));
}

TEST_CASE("RSA and ECDSA certificates, side by side and by name") {
  TlsLoop loop;
  TlsFiles files;
  TlsOptions options = files.options();
  options.certificates.push_back(files.write(issue({.issuer = &files.authority, .rsa = true})));
  options.certificates.push_back(
      files.write(issue({.name = "other.test", .issuer = &files.authority})));
  options.certificates.push_back(
      files.write(issue({.name = "*.wild.test", .issuer = &files.authority})));
  const auto context = load(options);
  const auto authority = &files.authority;
  CHECK(succeeds(loop, context,
                 {.max_version = TLS1_2_VERSION, .suites = "ECDHE-RSA-AES128-GCM-SHA256"}));
  for (const char* name : {"localhost", "other.test", "a.wild.test"})
    CHECK(succeeds(loop, context, {.authority = authority, .server_name = name}));
  for (const char* name : {"wild.test", "a.b.wild.test", "third.test"})
    CHECK_FALSE(succeeds(loop, context, {.authority = authority, .server_name = name}));
}

TEST_CASE("certificates of other curves work") {
  TlsLoop loop;
  TlsFiles files;
  for (const char* curve : {"P-384", "P-521"}) {
    TlsOptions options;
    options.certificates.push_back(
        files.write(issue({.issuer = &files.authority, .curve = curve})));
    CHECK(
        succeeds(loop, load(options), {.authority = &files.authority, .server_name = "localhost"}));
  }
}

TEST_CASE("a ticket resumes a session of its own listener only") {
  TlsLoop loop;
  TlsFiles files;
  const TlsOptions options = files.options();
  const auto one = load(options), other = load(options);
  TlsPair first(loop, one, {.max_version = TLS1_2_VERSION});
  REQUIRE(succeeds(first));
  CHECK_FALSE(first.client.resumed());
  SSL_SESSION* ticket = first.client.session();
  const Settings back{.max_version = TLS1_2_VERSION, .session = ticket};
  TlsPair again(loop, one, back);
  CHECK(succeeds(again));
  CHECK(again.client.resumed());
  // The same files, another listener, or the same after a reload: a full handshake.
  TlsPair elsewhere(loop, other, back);
  CHECK(succeeds(elsewhere));
  CHECK_FALSE(elsewhere.client.resumed());
  SSL_SESSION_free(ticket);
}

TEST_CASE("handshakes beyond the bound wait for their turn, and all come through") {
  TlsFiles files;
  const auto context = load(files.options());
  TlsLoop loop(3);
  std::vector<std::unique_ptr<TlsPair>> pairs;
  for (int i = 0; i < 40; ++i) pairs.push_back(std::make_unique<TlsPair>(loop, context));
  // Some give up in line, some with a place taken.
  for (auto& pair : pairs) {
    pair->client.handshake();
    pair->pass();
  }
  for (size_t i = 0; i < pairs.size(); i += 5) pairs[i]->stream->close(0, {});
  const auto done = [&] {
    size_t open = 0;
    for (auto& pair : pairs) open += static_cast<size_t>(pair->opens);
    return open == 32;
  };
  while (!done()) {
    bool moved = false;
    for (auto& pair : pairs) {
      if (pair->below->closed()) continue;
      pair->client.handshake();
      moved |= pair->pass();
    }
    if (!moved) REQUIRE(loop.posted.run_next());
  }
  for (auto& pair : pairs) CHECK(pair->handler.ends == 0);
}

TEST_CASE("who stops in the middle keeps a place until closed, then the next has it") {
  TlsFiles files;
  const auto context = load(files.options());
  TlsLoop loop(1, 1);
  TlsPair stuck(loop, context), next(loop, context);
  stuck.client.handshake();
  stuck.pass();
  while (!stuck.below->reading()) REQUIRE(loop.posted.run_next());  // the server's flight is out
  next.client.handshake();
  next.pass();
  CHECK_FALSE(next.below->reading());
  CHECK(loop.posted.empty());
  stuck.stream->close(0, {});
  CHECK(succeeds(next));
}

TEST_CASE("a stopped pool starts nothing and waits for nobody") {
  TlsFiles files;
  const auto context = load(files.options());
  TlsLoop loop(1, 1);
  TlsPair holder(loop, context), waiting(loop, context);
  for (TlsPair* pair : {&holder, &waiting}) {
    pair->client.handshake();
    pair->pass();
  }
  loop.handshakes.stop();
  TlsPair late(loop, context);
  late.client.handshake();
  late.pass();
  CHECK(late.opens == 0);
  holder.stream->close(0, {});
}

TEST_CASE("files that are missing, broken or of another key are named") {
  TlsFiles files;
  const TlsOptions good = files.options();
  const auto fault = [](const TlsOptions& options) {
    auto loaded = TlsContext::load(options);
    return loaded.ok() ? std::string() : loaded.error().text;
  };
  CHECK(fault(good).empty());
  CHECK(contains(fault({}), "cert_file"));
  TlsOptions bad = good;
  bad.certificates[0].cert_file = "/nowhere/cert.pem";
  CHECK(contains(fault(bad), "/nowhere/cert.pem"));
  bad = good;
  bad.certificates[0].key_file = "";
  CHECK(contains(fault(bad), "key_file"));
  bad.certificates[0].key_file = files.dir.write("junk", "no key").string();
  CHECK(contains(fault(bad), "junk"));
  bad.certificates[0].key_file = files.options().certificates[0].key_file;
  CHECK(contains(fault(bad), "does not belong"));
  bad = good;
  bad.verify = true;
  CHECK(contains(fault(bad), "ca_file"));
  bad.ca_file = "/nowhere/ca.pem";
  CHECK(contains(fault(bad), "/nowhere/ca.pem"));
  bad = good;
  bad.pinned_certs = {"zz"};
  CHECK(contains(fault(bad), "pinned_certs"));
}

TEST_CASE("names of suites, curves and versions that cannot be had") {
  TlsFiles files;
  TlsOptions options = files.options();
  CHECK(tls_suite_fault("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305").empty());
  CHECK(contains(tls_suite_fault("TLS_FISH"), "unrecognized"));
  CHECK(contains(tls_suite_fault("TLS_RSA_WITH_AES_128_CBC_SHA"), "insecure"));
  CHECK(tls_curve_fault("X25519").empty());
  CHECK(contains(tls_curve_fault("X25519MLKEM768"), "unknown to"));
  CHECK(contains(tls_curve_fault("CurveP1"), "unrecognized"));
  CHECK(tls_version_fault("1.2").empty());
  CHECK(contains(tls_version_fault("1.1"), "unsupported"));
  options.cipher_suites = {"TLS_FISH"};
  CHECK(TlsContext::load(options).error().code == Errc::invalid_config);
  options.cipher_suites.clear();
  options.curve_preferences = {"X25519MLKEM768"};
  CHECK_FALSE(TlsContext::load(options).ok());
}
