// What a `jetstream` block of a configuration says.
#pragma once
#include "server/config.h"
#include "server/config_value.h"

namespace pipit {

// The value `v`: a block, a boolean, "enabled" or "disabled" -> `out`.
void read_jetstream(const ConfigValue& v, JetStreamOptions& out, ConfigFaults& faults);
// What no single field of them shows.
void validate_jetstream(const Options& options, ConfigFaults& faults);

}  // namespace pipit
