// What monitoring says of JetStream: /jsz, its part of /varz, and /healthz. With nats-server's
// field names and order. On the reactor that serves monitoring; asks the store.
#pragma once
#include <string>

#include "protocol/json_writer.h"
#include "server/monitor_json.h"

namespace pipit {

std::string jsz_json(const MonitorInput& in, const MonitorQuery& query);
// The value of varz's "jetstream".
void write_jetstream_varz(proto::JsonWriter& json, const MonitorInput& in);

struct Health {
  std::string status;  // of HTTP
  std::string json;
};
Health health_of(const Broker& broker, const MonitorQuery& query);

}  // namespace pipit
