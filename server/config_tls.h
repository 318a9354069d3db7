// What `tls` blocks of a configuration say: of the client port, and of websocket.
#pragma once
#include "server/config.h"
#include "server/config_value.h"

namespace pipit {

// The block `v` -> `out`. `client_port`: keys that only mean something there are welcome.
void read_tls(const ConfigValue& v, bool client_port, TlsOptions& out, ConfigFaults& faults);
// What no single field of the TLS options shows.
void validate_tls(const Options& options, ConfigFaults& faults);

}  // namespace pipit
