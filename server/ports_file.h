// Files that tell others about this process: its pid, and the ports that it really listens on.
#pragma once
#include <string>

#include "pipit/result.h"

namespace pipit {

// The pid in decimal, no newline, mode 0600.
Result<void> write_pid_file(const std::string& path);

struct Ports {
  std::string client_host, websocket_host, monitor_host;
  int client = 0, websocket = 0, monitor = 0;  // 0: off
  bool tls = false, wss = false, https = false;
};

// <folder>/<exe>_<pid>.ports as nats-server writes it: JSON, one URL for each interface address of
// a listener. Written whole and renamed, so that whoever sees it sees all. Gives the path.
Result<std::string> write_ports_file(const std::string& folder, const std::string& exe,
                                     const Ports& ports);

}  // namespace pipit
