// Broker: what all reactors of one Server share. Immutable once the threads run, but for atomics.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipit/options.h"
#include "protocol/connect_info.h"
#include "server/account.h"
#include "server/auth.h"
#include "server/log.h"
#include "server/router/epoch.h"
#include "server/stats.h"
#include "server/tls_listeners.h"
#include "transport/ws_handshake.h"

namespace pipit {

class Reactor;
namespace js {
class Manager;
}

struct Broker {
  explicit Broker(Options given);

  const Authorization& authorization(Wire wire) const {
    return wire == Wire::websocket && options.websocket.authorization.required()
               ? options.websocket.authorization
               : options.authorization;
  }
  // With TLS the time for a CONNECT includes that for the handshake, and one second.
  int64_t auth_timeout_ns(Wire wire) const;
  // The INFO that a connection starts with, but for client_id and client_ip.
  const proto::Info& info(Wire wire) const { return wire == Wire::tcp ? tcp_info : ws_info; }
  int64_t wall_ns(int64_t monotonic_ns) const { return monotonic_ns + wall_offset_ns; }
  // After the ports are known.
  void build_infos(int client_port, int websocket_port);

  const Options options;
  const std::string server_id;
  const Log log;
  const int64_t start_wall_ns;
  const int64_t wall_offset_ns;  // Unix time minus the monotonic clock, at start
  proto::Info tcp_info, ws_info;
  net::WsHandshakeRules ws_rules;
  router::Epoch epoch;
  Account account;
  AuthWorker auth_worker;
  TlsListeners tls;
  std::vector<Reactor*> reactors;
  js::Manager* jetstream = nullptr;  // null: not enabled

  std::atomic<uint64_t> next_cid{1};
  std::atomic<uint64_t> total_connections{0};
  std::atomic<int64_t> connections{0};  // open, past the handshake
  std::atomic<bool> lame_duck{false};
  // Called on a reactor whenever `connections` falls to 0.
  std::function<void()> on_last_gone;
};

}  // namespace pipit
