#include "server/left_out.h"

#include "pipit_config.h"
#include "server/auth.h"

namespace pipit {

std::vector<std::string> left_out(const Options& options) {
  std::vector<std::string> missing;
  const auto want = [&](bool wanted, bool built, const char* what) {
    if (wanted && !built) missing.push_back(std::string(what) + " is left out of this build");
  };
  want(options.websocket.enabled(), PIPIT_WEBSOCKET, "websocket");
  want(options.websocket.enabled() && options.websocket.compression, PIPIT_DEFLATE,
       "websocket compression");
  want(!options.tls.certificates.empty() || !options.websocket.tls.certificates.empty(), PIPIT_TLS,
       "tls");
  want(options.jetstream.enabled, PIPIT_JETSTREAM, "jetstream");
  want(needs_bcrypt(options.authorization) || needs_bcrypt(options.websocket.authorization),
       PIPIT_BCRYPT, "bcrypt");
  return missing;
}

}  // namespace pipit
