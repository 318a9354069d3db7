// Flags: nats-server's command line, in Go's flag style: one or two dashes, -f=value or -f value,
// booleans alone or as -f=false. The command line wins over the configuration file.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "pipit/options.h"
#include "server/config.h"

namespace pipit {

struct Flags {
  enum class Action : uint8_t {
    run,
    help,       // print usage, exit 0
    version,    // print the version, exit 0
    bad_usage,  // print `error` and usage; exit 0 as nats-server does
    fail,       // print `error`, exit 1
  };
  Action action = Action::run;
  std::string error;
  std::string config_file;
  bool test_config = false;
  std::string signal;  // of --signal: "ldm", "stop=4711"
  // What the flags say, to be applied on top of the file.
  std::vector<std::function<void(Options&, ProcessOptions&)>> overrides;
};

Flags parse_flags(const std::vector<std::string>& args);
std::string usage_text(const std::string& program);

}  // namespace pipit
