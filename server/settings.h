// Settings: the options that hold now, and what follows from them. Immutable: a reload makes new ones.
#pragma once
#include <cstdint>
#include <string>

#include "pipit/options.h"
#include "protocol/connect_info.h"
#include "server/stats.h"

namespace pipit {

struct Settings {
  const Authorization& authorization(Wire wire) const {
    return wire == Wire::websocket && options.websocket.authorization.required()
               ? options.websocket.authorization
               : options.authorization;
  }
  // With TLS the time for a CONNECT includes that for the handshake, and one second.
  int64_t auth_timeout_ns(Wire wire) const;
  // The INFO that a connection starts with, but for client_id and client_ip.
  const proto::Info& info(Wire wire) const { return wire == Wire::tcp ? tcp_info : ws_info; }

  Options options;
  int64_t since_wall_ns = 0;  // Unix time
  proto::Info tcp_info, ws_info;
};

// The fields of `now` that differ from `was` and that a running server cannot change, by their names
// in Options; empty: none.
std::string unreloadable(const Options& was, const Options& now);

}  // namespace pipit
