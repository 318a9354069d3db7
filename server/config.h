// Config: a nats-server configuration file -> Options, with file, line and column in every error.
//
// All faults are collected, none stops the reading of the rest. What Pipit has not built yet
// (jetstream, accounts, leafnodes, ...) is an error that says so, never ignored.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "pipit/options.h"

namespace pipit {

// What the binary does with a config beyond Options: files, and logging to them.
struct ProcessOptions {
  std::string pid_file;
  std::string ports_file_dir;
  std::string log_file;
  int64_t log_size_limit = 0;
  int64_t log_max_num = 0;
  bool logtime = true;
  bool logtime_utc = false;
  bool reactors_given = false;  // else the binary takes one per CPU that it may run on
};

struct ConfigFaults {
  std::vector<std::string> errors;    // "file:line:column: text"
  std::vector<std::string> warnings;  // the same form; they fail `-t` but not a start

  // Errc::invalid_config with every error, a line each; fine if there is none.
  Result<void> result(const char* where) const;
};

// Reads `path` (and its includes) on top of what `options` and `process` hold already. Sets
// options.config_file and config_digest. The result is not checked as a whole: validate() does.
void parse_config_file(const std::string& path, Options& options, ProcessOptions& process,
                       ConfigFaults& faults);
// The same from memory; `name` stands in errors, includes are relative to the working directory.
void parse_config_text(std::string_view text, const std::string& name, Options& options,
                       ProcessOptions& process, ConfigFaults& faults);
// Contradictions that no single field shows: max_payload above max_pending, token beside user, ...
void validate(const Options& options, ConfigFaults& faults);

}  // namespace pipit
