#include "server/broker.h"

#include <time.h>

#include "jetstream/settings.h"
#include "pipit_config.h"
#include "server/host_port.h"
#include "server/identity.h"
#include "transport/loop.h"

namespace pipit {
namespace {

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
      account("$G", epoch),
      settings_(std::make_shared<Settings>()) {
  settings_->options = options;
  settings_->since_wall_ns = start_wall_ns;
  ws_rules.same_origin = options.websocket.same_origin;
  ws_rules.tls = options.websocket.tls.enabled();
  ws_rules.compression = options.websocket.compression;
  ws_rules.headers = options.websocket.headers;
  for (const std::string& text : options.websocket.allowed_origins) {
    net::WsOrigin origin;
    if (net::parse_origin(text, origin)) ws_rules.allowed_origins.push_back(origin);
  }
}

void Broker::build_infos(int client_port, int websocket_port) {
  client_port_ = client_port;
  websocket_port_ = websocket_port;
  build_infos(*settings_);
}

std::shared_ptr<const Settings> Broker::settings() const {
  const std::lock_guard lock(settings_mutex_);
  return settings_;
}

void Broker::change_settings(Options now) {
  auto made = std::make_shared<Settings>();
  made->options = std::move(now);
  made->since_wall_ns = unix_now_ns();
  build_infos(*made);
  log.change(made->options);
  const std::lock_guard lock(settings_mutex_);
  settings_ = std::move(made);
}

void Broker::build_infos(Settings& settings) const {
  const Options& now = settings.options;
  proto::Info info;
  info.server_id = server_id;
  info.server_name = now.server_name.empty() ? server_id : now.server_name;
  info.version = PIPIT_NATS_VERSION;
  info.go = "pipit" PIPIT_VERSION;
  info.host = now.host;
  info.port = client_port_;
  info.headers = !now.no_header_support;
  info.max_payload = now.max_payload;
  info.jetstream = now.jetstream.enabled;
  if (info.jetstream) {
    info.domain = now.jetstream.domain;
    info.api_level = js::kApiLevel;
  }
  info.auth_required = settings.authorization(Wire::tcp).required();
  info.tls_required =
      now.tls.enabled() && (!now.allow_non_tls || now.tls.handshake_first == TlsFirst::always);
  info.tls_available = now.tls.enabled() && now.allow_non_tls;
  info.tls_verify = now.tls.enabled() && now.tls.verify;
  // The advertised address stands in for the one listened on. URLs are for the servers of a
  // cluster.
  if (const auto address = parse_host_port(now.client_advertise);
      address && !now.client_advertise.empty()) {
    info.host = address->host;
    if (address->port) info.port = *address->port;
  }
  settings.tcp_info = info;
  info.host = now.websocket.host;
  info.port = websocket_port_;
  info.auth_required = settings.authorization(Wire::websocket).required();
  // TLS is done by the time that a client reads this, below the protocol.
  info.tls_required = info.tls_available = now.websocket.tls.enabled();
  info.tls_verify = now.websocket.tls.verify;
  settings.ws_info = info;
}

}  // namespace pipit
