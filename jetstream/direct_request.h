// A request to DIRECT.GET: what it asks for, or with which status it is refused. The checks and
// their order are nats-server's. A pure function.
#pragma once
#include <string_view>

#include "jetstream/api_types.h"

namespace pipit::js {

// `key`: the subject behind the stream's name, whose last message is asked for; empty: the body
// says all. Returns the status of a refusal, without its end of line, or an empty string.
std::string_view read_direct_request(std::string_view key, std::string_view headers,
                                     std::string_view body, MessageGetRequest& out);

}  // namespace pipit::js
