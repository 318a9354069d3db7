// HostPort: "host:port" as configurations write it; IPv6 addresses in brackets.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace pipit {

struct HostPort {
  std::string host;         // may be empty
  std::optional<int> port;  // -1 to 65535; nothing if there is no colon
};

// Nothing if `text` is no such address.
std::optional<HostPort> parse_host_port(std::string_view text);

}  // namespace pipit
