// MonitorQuery: the parameters of a monitoring request, checked as nats-server checks them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pipit {

enum class MonitorPage : uint8_t { varz, connz, subsz, jsz, healthz };
enum class ConnState : uint8_t { open, closed, all };

struct MonitorQuery {
  std::string sort = "cid";
  std::string user, account, test;
  bool subs = false, subs_detail = false, auth = false;
  int64_t offset = 0, limit = 1024;
  uint64_t cid = 0;  // 0: any
  ConnState state = ConnState::open;
  bool accounts = false, streams = false, config = false;  // of jsz
  std::string stream;                                       // of healthz
};

// Nothing and a message for the client (status 400) if a value that this page asks for is malformed.
// Parameters of other pages and unknown ones are ignored.
std::optional<MonitorQuery> parse_monitor_query(MonitorPage page, std::string_view query,
                                                std::string& error);

}  // namespace pipit
