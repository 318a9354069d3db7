#include "server/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace pipit {
namespace {

// Whole CPUs' worth of quota, rounded up; 0 if there is no quota.
uint32_t cgroup_quota() {
  long long quota = -1, period = 0;
  if (std::FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {  // version 2
    if (std::fscanf(f, "%lld %lld", &quota, &period) != 2) quota = -1;
    std::fclose(f);
  } else if (std::FILE* q = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re")) {
    if (std::fscanf(q, "%lld", &quota) != 1) quota = -1;
    std::fclose(q);
    if (std::FILE* p = std::fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re")) {
      if (std::fscanf(p, "%lld", &period) != 1) period = 0;
      std::fclose(p);
    }
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<uint32_t>((quota + period - 1) / period);
}

}  // namespace

uint32_t usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  uint32_t count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    count = static_cast<uint32_t>(std::max(CPU_COUNT(&set), 1));
  const uint32_t quota = cgroup_quota();
  return quota == 0 ? count : std::max(1U, std::min(count, quota));
}

}  // namespace pipit
