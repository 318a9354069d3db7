// Reads small files whole: configurations, what the kernel tells in /proc and /sys.
#pragma once
#include <cstddef>
#include <string>

#include "pipit/result.h"

namespace pipit {

// Errc::exhausted: it has more than `max` bytes. Errc::io: it cannot be read; a directory neither.
Result<std::string> read_file(const std::string& path, size_t max);

}  // namespace pipit
