#include "server/tls_listeners.h"

#include <algorithm>

namespace pipit {
namespace {

constexpr uint32_t kMaxHandshakeThreads = 4;

// To who speaks HTTP to a port of HTTPS, as Go's server has it.
constexpr std::string_view kHttpAnswer =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

}  // namespace

Result<void> TlsListeners::load(const Options& options) {
  // Monitoring asks nobody for a certificate.
  TlsOptions monitor = options.tls;
  monitor.verify = false;
  monitor.pinned_certs.clear();
  const std::array<const TlsOptions*, 3> wanted = {&options.tls, &options.websocket.tls,
                                                   options.https_port != 0 ? &monitor : nullptr};
  std::array<Context, 3> loaded;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == nullptr || !wanted[i]->enabled()) continue;
    auto context = net::TlsContext::load(*wanted[i]);
    if (!context.ok()) return context.take_error();
    loaded[i] = std::move(context).value();
  }
  const std::lock_guard lock(mutex_);
  contexts_.swap(loaded);
  const bool any = std::any_of(contexts_.begin(), contexts_.end(),
                               [](const Context& context) { return context != nullptr; });
  if (any && handshakes_ == nullptr)
    handshakes_ = std::make_unique<net::TlsHandshakes>(
        std::clamp<uint32_t>(options.reactors, 1, kMaxHandshakeThreads));
  return {};
}

TlsListeners::Context TlsListeners::context(TlsPort port) const {
  const std::lock_guard lock(mutex_);
  return contexts_[static_cast<size_t>(port)];
}

TlsListeners::Wrapped TlsListeners::wrap(TlsPort port, std::unique_ptr<net::ByteStream> below,
                                         net::TlsScratch& scratch,
                                         std::function<void(std::function<void()>)> post,
                                         bool allow_plain, net::TlsStream::Events events) const {
  if (handshakes_ == nullptr) return {std::move(below), nullptr};
  Context own = context(port);
  if (own == nullptr) return {std::move(below), nullptr};
  auto stream = std::make_unique<net::TlsStream>(
      std::move(below),
      net::TlsStream::Settings{std::move(own), handshakes_.get(), &scratch, std::move(post),
                               allow_plain, port == TlsPort::client ? "" : kHttpAnswer},
      std::move(events));
  net::TlsStream* tls = stream.get();
  return {std::move(stream), tls};
}

int64_t TlsListeners::not_after(TlsPort port) const {
  const Context own = context(port);
  return own == nullptr ? 0 : own->not_after();
}

void TlsListeners::stop() {
  if (handshakes_ != nullptr) handshakes_->stop();
}

}  // namespace pipit
