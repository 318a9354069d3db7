#include "server/reload.h"

#include "server/config.h"

namespace pipit {

Result<void> reload(Server& server, const Flags& flags, const Options& running) {
  constexpr const char* kWhere = "reload";
  if (flags.config_file.empty())
    return Error{Errc::invalid_argument, 0, kWhere,
                 "can only reload config when a file is provided using -c or --config"};
  Options fresh;
  ProcessOptions process;
  ConfigFaults faults;
  parse_config_file(flags.config_file, fresh, process, faults);
  for (const auto& apply : flags.overrides) apply(fresh, process);
  if (!process.reactors_given) fresh.reactors = running.reactors;
  if (faults.errors.empty()) validate(fresh, faults);
  std::string why;
  if (!faults.errors.empty())
    why = faults.errors.front();
  else if (auto done = server.reload(std::move(fresh)); done.ok())
    return {};
  else
    why = done.error().text;
  return Error{Errc::invalid_config, 0, kWhere, why + ". Nothing was changed"};
}

}  // namespace pipit
