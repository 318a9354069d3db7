// How JetStream is set up on a broker whose reactors exist and do not run yet.
#pragma once
#include <memory>

#include "jetstream/manager.h"

namespace pipit {

struct Broker;

// What `options.jetstream` says, with what it leaves to the server filled in.
js::Settings jetstream_settings(const Broker& broker);
// Gives each reactor its JsHost, opens the store and recovers the streams.
Result<std::unique_ptr<js::Manager>> open_jetstream(Broker& broker);

}  // namespace pipit
