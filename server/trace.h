// What a trace shows of a message beside its control line.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace pipit {

// MSG_PAYLOAD: ["..."], of the first `max` bytes (0: of all) of headers and body, quoted as nats-server
// does, which is Go's %q; three dots tell that there was more.
std::string traced_payload(std::string_view headers, std::string_view body, size_t max);

}  // namespace pipit
