// The bodies of the monitoring endpoints, with nats-server's field names and order.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/monitor_query.h"
#include "server/stats.h"

namespace pipit {

struct Broker;

struct MonitorInput {
  const Broker& broker;
  std::vector<ReactorSnapshot> reactors;
  int64_t now_ns = 0;  // since the Unix epoch
  const std::map<std::string, uint64_t>& request_counts;
  int http_port = 0;
};

std::string varz_json(const MonitorInput& in);
std::string connz_json(MonitorInput& in, const MonitorQuery& query);
std::string subsz_json(const MonitorInput& in, const MonitorQuery& query);

// 2026-01-02T15:04:05.123456789Z, trailing zeros of the fraction dropped, as Go prints it.
std::string rfc3339(int64_t unix_ns);
// 1y2d3h4m5s, units of leading zeros dropped.
std::string uptime_text(int64_t ns);
// Go's Duration.String(): 1.5s, 373µs, 12ms.
std::string duration_text(int64_t ns);

}  // namespace pipit
