// TlsWire: OpenSSL over another wire, and the identity of the servers that it talks to.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "tests/golden/peer.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"

namespace pipit::golden {

// A certificate made for one run, which its clients trust, in files for the configuration.
class TlsIdentity {
 public:
  TlsIdentity();
  // The tls block of a server's configuration.
  std::string config() const;
  const test::Issued& issued() const { return issued_; }

 private:
  test::TempDir dir_;
  test::Issued issued_;
  std::filesystem::path certificate_, key_;
};

// Null: the handshake failed. `after_info`: INFO comes first, in the clear.
std::unique_ptr<Wire> tls_wire(std::unique_ptr<Wire> raw, const TlsIdentity& identity,
                               bool after_info, test::Deadline deadline);

}  // namespace pipit::golden
