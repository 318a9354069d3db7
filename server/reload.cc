#include "server/reload.h"

#include "server/config.h"

namespace pipit {

Result<void> reload(Server& server, const Options& running) {
  const auto refused = [](Errc code, std::string why) -> Error {
    return {code, 0, "reload", std::move(why) + ". Nothing was changed"};
  };
  if (running.config_file.empty())
    return Error{Errc::invalid_argument, 0, "reload",
                 "can only reload config when a file is provided using -c or --config"};
  Options fresh;
  ProcessOptions process;
  ConfigFaults faults;
  parse_config_file(running.config_file, fresh, process, faults);
  if (!faults.errors.empty()) return refused(Errc::invalid_config, faults.errors.front());
  if (fresh.config_digest != running.config_digest)
    return refused(Errc::not_built, "pipit can reload certificates but no other setting yet: " +
                                        running.config_file + " has changed, restart it");
  if (!running.tls.enabled() && !running.websocket.tls.enabled())
    return refused(Errc::not_built,
                   "pipit can reload certificates, of which there is none, but no "
                   "other setting yet: restart it");
  if (auto loaded = server.reload_certificates(); !loaded.ok())
    return refused(loaded.error().code, loaded.error().text);
  return {};
}

}  // namespace pipit
