// The configuration of a running process, read anew.
#pragma once
#include "pipit/server.h"
#include "server/flags.h"

namespace pipit {

// Reads the file that `flags` name, and what else they say over it, as at the start. `running`
// tells how many reactors there are where neither says so. All or nothing: the error says why.
Result<void> reload(Server& server, const Flags& flags, const Options& running);

}  // namespace pipit
