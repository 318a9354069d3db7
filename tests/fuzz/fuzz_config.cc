// Configuration text from anywhere: no crash, no hang, and every fault says where it is.
#include <cstdlib>
#include <string_view>

#include "server/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64 * 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Includes would read files of this machine.
  if (text.find("include") != std::string_view::npos) return 0;
  pipit::Options options;
  pipit::ProcessOptions process;
  pipit::ConfigFaults faults;
  pipit::parse_config_text(text, "fuzz.conf", options, process, faults);
  for (const std::string& fault : faults.errors)
    if (!fault.starts_with("fuzz.conf:")) std::abort();
  pipit::validate(options, faults);
  return 0;
}
