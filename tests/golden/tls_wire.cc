#include "tests/golden/tls_wire.h"

#include <utility>

namespace pipit::golden {
namespace {

class TlsWire final : public Wire {
 public:
  TlsWire(std::unique_ptr<Wire> raw, const TlsIdentity& identity)
      : raw_(std::move(raw)), tls_(settings(identity)) {}

  bool begin(bool after_info, test::Deadline deadline) {
    while (after_info && early_.find("\r\n") == std::string::npos)
      if (raw_->receive(early_, deadline) != Got::bytes) return false;
    // A server that has no room says so at once, and no record begins like that.
    refused_ = early_.find("\r\n-") != std::string::npos;
    while (!refused_) {
      const bool done = tls_.handshake();
      raw_->send(tls_.take());
      if (done || tls_.failed()) return done;
      std::string bytes;
      if (raw_->receive(bytes, deadline) != Got::bytes) return false;
      refused_ = after_info && bytes.starts_with('-');
      if (refused_) early_ += bytes;
      tls_.feed(bytes);
    }
    return true;
  }

  void send(std::string_view bytes) override {
    tls_.write(bytes);
    raw_->send(tls_.take());
  }
  Got receive(std::string& into, test::Deadline deadline) override {
    for (;;) {
      const std::string plain = std::exchange(early_, {}) + tls_.read();
      into += plain;
      if (!plain.empty()) return Got::bytes;
      if (refused_) return raw_->receive(into, deadline);
      if (tls_.ended() || tls_.failed()) return Got::closed;
      std::string bytes;
      if (const Got got = raw_->receive(bytes, deadline); got != Got::bytes) return got;
      tls_.feed(bytes);
    }
  }
  void hang_up() override { raw_->hang_up(); }
  uint16_t server_port() const override { return raw_->server_port(); }

 private:
  static test::TlsClient::Settings settings(const TlsIdentity& identity) {
    test::TlsClient::Settings settings;
    settings.authority = &identity.issued();
    settings.server_name = "localhost";
    return settings;
  }
  std::unique_ptr<Wire> raw_;
  test::TlsClient tls_;
  std::string early_;  // in the clear
  bool refused_ = false;
};

}  // namespace

TlsIdentity::TlsIdentity()
    : issued_(test::issue({})),
      certificate_(dir_.write("cert.pem", issued_.certificate_pem())),
      key_(dir_.write("key.pem", issued_.key_pem())) {}

std::string TlsIdentity::config() const {
  // A machine that is busy may take its time with handshakes.
  return "tls { cert_file: \"" + certificate_.string() + "\", key_file: \"" + key_.string() +
         "\", timeout: 20 }\n";
}

std::unique_ptr<Wire> tls_wire(std::unique_ptr<Wire> raw, const TlsIdentity& identity,
                               bool after_info, test::Deadline deadline) {
  auto wire = std::make_unique<TlsWire>(std::move(raw), identity);
  if (!wire->begin(after_info, deadline)) return nullptr;
  return wire;
}

}  // namespace pipit::golden
