// LeftOut: what this build of Pipit was made without, and options that ask for it nevertheless.
#pragma once
#include <string>
#include <vector>

#include "pipit/options.h"

namespace pipit {

// A sentence for each thing in `options` that is not built in.
std::vector<std::string> left_out(const Options& options);

}  // namespace pipit
