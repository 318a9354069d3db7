// EventQueue: what happened to clients of one reactor, until the turn tells the program. An event is
// noted wherever it happens, also inside a delivery; the program may use its clients where it is told.
#pragma once
#include <string>
#include <vector>

#include "pipit/options.h"

namespace pipit {

class EventQueue {
 public:
  explicit EventQueue(const EventCallback& callback) : callback_(callback) {}

  bool wanted() const { return callback_ != nullptr; }
  bool empty() const { return events_.empty(); }
  // `transport` and `reason` are static texts; the others are copied.
  void note(const ConnectionEvent& event);
  // Those noted so far; what happens meanwhile waits for the next call.
  void tell();

 private:
  struct Noted {
    ConnectionEvent event;
    std::string host, name, user;
  };
  const EventCallback& callback_;
  std::vector<Noted> events_, telling_;
};

}  // namespace pipit
