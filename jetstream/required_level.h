// Nats-Required-Api-Level: a client says which API level it needs at least. Pure; any thread.
#pragma once
#include <string_view>

namespace pipit::js {

// The header is there and asks for more than kApiLevel, or is no number. An empty one asks for
// nothing.
bool requires_higher_level(std::string_view headers);

}  // namespace pipit::js
