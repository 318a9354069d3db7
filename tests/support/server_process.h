// ServerProcess: a nats-server or pipit binary started for one test, on ports of the kernel's
// choice, and certainly gone when the object dies, whatever happens to the test.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/deadline.h"
#include "tests/support/temp_dir.h"

namespace pipit::test {

class ServerProcess {
 public:
  ServerProcess() = default;
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts `binary` with `config`, to which `ports_file_dir` is added, and waits until the ports
  // file is there. Returns what went wrong, with the server's log, or nothing. Requires: the config
  // asks for ports -1. The thread that starts a server outlives it: the child dies with it.
  std::string start(const std::string& binary, std::string_view config, Deadline deadline);

  // As told by the ports file; 0: no such listener.
  uint16_t client_port() const { return port_of("nats"); }
  uint16_t websocket_port() const { return port_of("websocket"); }
  uint16_t monitor_port() const { return port_of("monitoring"); }

  void signal(int number) const;
  // Asks it to end by `number`, waits, and returns what was wrong with that: nothing for exit
  // status 0. A server that does not end in time is killed.
  std::string stop(int number, Deadline deadline);
  void kill();
  std::string log() const;

 private:
  bool wait_for_ports_file(int inotify, Deadline deadline);
  uint16_t port_of(std::string_view kind) const;

  TempDir dir_;
  std::string ports_;  // the JSON of the ports file
  pid_t pid_ = -1;
  int pidfd_ = -1;
};

// The version that `binary -v` prints: "2.9.10", "2.14.5"; empty when it cannot be run.
std::string version_of(const std::string& binary);
// The genuine server: $NATS_SERVER, else nats-server on PATH; empty when there is none.
std::string genuine_server();

}  // namespace pipit::test
