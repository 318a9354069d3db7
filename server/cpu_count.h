// How many CPUs may this process use? Affinity and the cgroup's quota count, not what is installed.
#pragma once
#include <cstdint>

namespace pipit {

uint32_t usable_cpus();  // at least 1

}  // namespace pipit
