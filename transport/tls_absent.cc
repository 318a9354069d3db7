// TlsContext and TlsSession of a build without a TLS library: no context can be loaded, so there is
// never a session.
#include "transport/tls_session.h"

namespace pipit::net {
namespace {

std::string not_built(std::string_view what) {
  return std::string(what) + ": this pipit is built without TLS";
}

}  // namespace

struct TlsContext::Impl {};
struct TlsSession::Impl {
  std::string fault;
};

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsOptions&) {
  return Error{Errc::not_built, 0, "TlsContext::load", not_built("tls")};
}
TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;
int64_t TlsContext::not_after() const { return 0; }

std::string tls_suite_fault(std::string_view name) { return not_built(name); }
std::string tls_curve_fault(std::string_view name) { return not_built(name); }
std::string tls_version_fault(std::string_view version) { return not_built(version); }

TlsSession::TlsSession(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsSession::~TlsSession() = default;
std::unique_ptr<TlsSession> TlsSession::make(std::shared_ptr<const TlsContext>) { return nullptr; }
TlsSession::Status TlsSession::handshake(std::string_view&, std::string&) { return Status::failed; }
TlsSession::Status TlsSession::read(std::string_view&, std::span<std::byte>, size_t& got,
                                    std::string&) {
  got = 0;
  return Status::failed;
}
bool TlsSession::write(std::string_view, std::string&) { return false; }
void TlsSession::close(std::string&) {}
size_t TlsSession::max_plain() const { return kMaxRecord; }
TlsPeer TlsSession::peer() const { return {}; }
const std::string& TlsSession::fault() const { return impl_->fault; }

}  // namespace pipit::net
