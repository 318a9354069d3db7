#include "server/broker.h"

#include <time.h>

#include "jetstream/settings.h"
#include "pipit_config.h"
#include "server/host_port.h"
#include "server/identity.h"
#include "transport/loop.h"

namespace pipit {
namespace {

constexpr int64_t kDefaultAuthTimeoutNs = 2 * kNsPerSecond;

int64_t unix_now_ns() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return int64_t{ts.tv_sec} * kNsPerSecond + ts.tv_nsec;
}

}  // namespace

Broker::Broker(Options given)
    : options(std::move(given)),
      server_id(make_server_id()),
      log(options),
      start_wall_ns(unix_now_ns()),
      wall_offset_ns(start_wall_ns - net::Loop::now_ns()),
      account("$G", epoch) {
  ws_rules.same_origin = options.websocket.same_origin;
  ws_rules.tls = options.websocket.tls.enabled();
  ws_rules.compression = options.websocket.compression;
  ws_rules.headers = options.websocket.headers;
  for (const std::string& text : options.websocket.allowed_origins) {
    net::WsOrigin origin;
    if (net::parse_origin(text, origin)) ws_rules.allowed_origins.push_back(origin);
  }
}

int64_t Broker::auth_timeout_ns(Wire wire) const {
  if (const int64_t given = authorization(wire).timeout_ns; given > 0) return given;
  const TlsOptions& own = wire == Wire::websocket ? options.websocket.tls : options.tls;
  return own.enabled() ? own.handshake_timeout_ns() + kNsPerSecond : kDefaultAuthTimeoutNs;
}

void Broker::build_infos(int client_port, int websocket_port) {
  proto::Info info;
  info.server_id = server_id;
  info.server_name = options.server_name.empty() ? server_id : options.server_name;
  info.version = PIPIT_NATS_VERSION;
  info.go = "pipit" PIPIT_VERSION;
  info.host = options.host;
  info.port = client_port;
  info.headers = !options.no_header_support;
  info.max_payload = options.max_payload;
  info.jetstream = options.jetstream.enabled;
  if (info.jetstream) {
    info.domain = options.jetstream.domain;
    info.api_level = js::kApiLevel;
  }
  info.auth_required = authorization(Wire::tcp).required();
  info.tls_required = options.tls.enabled() &&
                      (!options.allow_non_tls || options.tls.handshake_first == TlsFirst::always);
  info.tls_available = options.tls.enabled() && options.allow_non_tls;
  info.tls_verify = options.tls.enabled() && options.tls.verify;
  // The advertised address stands in for the one listened on. URLs are for the servers of a
  // cluster.
  if (const auto address = parse_host_port(options.client_advertise);
      address && !options.client_advertise.empty()) {
    info.host = address->host;
    if (address->port) info.port = *address->port;
  }
  tcp_info = info;
  info.host = options.websocket.host;
  info.port = websocket_port;
  info.auth_required = authorization(Wire::websocket).required();
  // TLS is done by the time that a client reads this, below the protocol.
  info.tls_required = info.tls_available = options.websocket.tls.enabled();
  info.tls_verify = options.websocket.tls.verify;
  ws_info = info;
}

}  // namespace pipit
