// Configuration text through the C interface: no crash, no hang, and an error that names the call and
// ends inside its place, however long the faults are.
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "pipit/pipit.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 64 * 1024) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Includes would read files of this machine.
  if (text.find("include") != std::string_view::npos) return 0;
  pipit_error error;
  std::memset(&error, 'x', sizeof error);
  const int code = pipit_config_check({text.data(), text.size()}, &error);
  if (pipit_config_check({text.data(), text.size()}, nullptr) != code) std::abort();
  if (code == PIPIT_OK) return 0;
  if (code != PIPIT_INVALID_CONFIG || error.code != code) std::abort();
  if (std::memchr(error.text, 0, sizeof error.text) == nullptr) std::abort();
  if (!std::string_view(error.text).starts_with("pipit_config_check: ")) std::abort();
  return 0;
}
