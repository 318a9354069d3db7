// How JetStream is set up on a broker whose reactors exist and do not run yet.
#pragma once
#include <memory>

#include <pipit/result.h>

namespace pipit {

struct Broker;
namespace js {
class Manager;
}

// A build without JetStream has this seam and nothing behind it (jetstream_absent.cc).
struct CloseJetStream {
  void operator()(js::Manager* manager) const;
};
using JetStream = std::unique_ptr<js::Manager, CloseJetStream>;

// Gives each reactor its JsHost, opens the store and recovers the streams.
Result<JetStream> open_jetstream(Broker& broker);
// The reactors run.
void start_jetstream(js::Manager& manager);
// Before the reactors close.
void begin_stop_jetstream(js::Manager& manager);

}  // namespace pipit
