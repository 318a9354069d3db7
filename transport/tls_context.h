// TlsContext: what one listener needs to be a TLS server: certificates, policy, the key of its
// session tickets.
//
// Immutable, shared by count, used by any thread. A reload makes a new one; sessions that run keep
// the old one alive. Each has a ticket key of its own, so a ticket of one listener, or of a time
// before a reload, opens nothing elsewhere: the client falls back to a full handshake.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipit/options.h"
#include "pipit/result.h"

namespace pipit::net {

class TlsContext {
 public:
  // Reads the files that `options` names. Errc::not_built: this build has no TLS, or its library
  // lacks what is asked for; else `text` says which file or field is wrong.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;

  // When the first certificate ends; seconds since the Unix epoch.
  int64_t not_after() const;

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Does the library know it? For errors that point at the line of a config file. Names as in
// nats-server: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "CurveP256", "1.3". An empty result: yes;
// else what is wrong with it.
std::string tls_suite_fault(std::string_view name);
std::string tls_curve_fault(std::string_view name);
std::string tls_version_fault(std::string_view version);

}  // namespace pipit::net
