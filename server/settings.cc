#include "server/settings.h"

namespace pipit {
namespace {

constexpr int64_t kDefaultAuthTimeoutNs = 2 * kNsPerSecond;

// What may change of it is made equal.
WebsocketOptions fixed_part(WebsocketOptions options) {
  const bool tls = options.tls.enabled();
  options.tls = {};
  if (tls) options.tls.certificates.resize(1);
  return options;
}

}  // namespace

int64_t Settings::auth_timeout_ns(Wire wire) const {
  if (const int64_t given = authorization(wire).timeout_ns; given > 0) return given;
  const TlsOptions& own = wire == Wire::websocket ? options.websocket.tls : options.tls;
  return own.enabled() ? own.handshake_timeout_ns() + kNsPerSecond : kDefaultAuthTimeoutNs;
}

std::string unreloadable(const Options& was, const Options& now) {
  std::string names;
  const auto changed = [&names](const char* name, bool differs) {
    if (!differs) return;
    if (!names.empty()) names += ", ";
    names += name;
  };
  const auto fixed = [&](const char* name, auto Options::*field) {
    changed(name, !(was.*field == now.*field));
  };
  fixed("host", &Options::host);
  fixed("port", &Options::port);
  fixed("dont_listen", &Options::dont_listen);
  fixed("server_name", &Options::server_name);
  fixed("reactors", &Options::reactors);
  fixed("loop", &Options::loop);
  fixed("no_header_support", &Options::no_header_support);
  fixed("disable_sublist_cache", &Options::disable_sublist_cache);
  fixed("http_host", &Options::http_host);
  fixed("http_port", &Options::http_port);
  fixed("https_port", &Options::https_port);
  fixed("http_base_path", &Options::http_base_path);
  fixed("jetstream", &Options::jetstream);
  changed("max_payload", was.jetstream.enabled && was.max_payload != now.max_payload);
  changed("tls", was.tls.enabled() != now.tls.enabled());
  changed("websocket", !(fixed_part(was.websocket) == fixed_part(now.websocket)));
  return names;
}

}  // namespace pipit
