// What a running server takes of its configuration anew: the certificates that it names.
#pragma once
#include "pipit/server.h"

namespace pipit {

// Reads the file of `running` again. Certificates are loaded anew if it says what it said when the
// server started; else, and if one cannot be loaded, nothing changes and the error says why.
Result<void> reload(Server& server, const Options& running);

}  // namespace pipit
