// How many CPUs this process may use.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace pipit {

// By affinity and by the quota of its control group; at least 1.
uint32_t usable_cpus();

// Whole CPUs' worth of the smallest quota from a process's control group up to the root, rounded up;
// 0 if there is none. `root` is /sys/fs/cgroup of version 2 or 1, `membership` /proc/self/cgroup.
uint32_t quota_cpus(const std::string& root, std::string_view membership);

}  // namespace pipit
