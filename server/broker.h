// Broker: what all reactors of one Server share. Immutable once the threads run, but for atomics
// and for settings(), which a reload replaces as a whole.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipit/options.h"
#include "server/account.h"
#include "server/auth.h"
#include "server/log.h"
#include "server/router/epoch.h"
#include "server/settings.h"
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

  int64_t wall_ns(int64_t monotonic_ns) const { return monotonic_ns + wall_offset_ns; }
  // After the ports are known, before the threads run.
  void build_infos(int client_port, int websocket_port);
  // [any thread] What holds now. A reactor has its own reference: see Reactor::settings().
  std::shared_ptr<const Settings> settings() const;
  // [any thread] From now on. Requires: unreloadable() found nothing.
  void change_settings(Options now);

  const Options options;  // as at the start: for what no reload changes
  const std::string server_id;
  Log log;
  const int64_t start_wall_ns;
  const int64_t wall_offset_ns;  // Unix time minus the monotonic clock, at start
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

 private:
  void build_infos(Settings& settings) const;

  int client_port_ = 0, websocket_port_ = 0;
  mutable std::mutex settings_mutex_;  // of what follows
  std::shared_ptr<Settings> settings_;
};

}  // namespace pipit
