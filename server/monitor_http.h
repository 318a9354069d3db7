// MonitorHttp: the monitoring endpoints, on reactor 0's loop. GET only, one small request head,
// JSON out. What it shows is gathered by mailbox from every reactor, so nothing is locked.
#pragma once
#include <memory>
#include <string>

#include "pipit/result.h"
#include "transport/loop.h"

namespace pipit {

struct Broker;

class MonitorHttp {
 public:
  explicit MonitorHttp(Broker& broker);
  ~MonitorHttp();
  MonitorHttp(const MonitorHttp&) = delete;

  Result<void> bind(const std::string& host, int port);  // [owner] before start()
  void start(net::Loop& loop);                           // [owner] before the loop runs
  void close();                                          // [loop's thread] also answers in flight
  int port() const;                                      // 0: not bound

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipit
