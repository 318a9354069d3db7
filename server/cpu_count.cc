#include "server/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

namespace pipit {
namespace {

namespace fs = std::filesystem;

// Of one group; 0: none. A file that is missing or says "max" leaves `quota` without a number.
uint32_t quota_of(const fs::path& group, bool version_2) {
  int64_t quota = -1, period = 0;
  if (version_2) {
    std::ifstream(group / "cpu.max") >> quota >> period;
  } else {
    std::ifstream(group / "cpu.cfs_quota_us") >> quota;
    std::ifstream(group / "cpu.cfs_period_us") >> period;
  }
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<uint32_t>(std::min<int64_t>((quota - 1) / period + 1, 1 << 16));
}

// "cpu,cpuacct" names cpu.
bool names_cpu(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "cpu") return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

}  // namespace

uint32_t quota_cpus(const fs::path& root, std::string_view membership) {
  uint32_t least = 0;
  while (!membership.empty()) {
    // A line is "ID:CONTROLLERS:PATH"; version 2 has one, without controllers.
    const size_t end = std::min(membership.find('\n'), membership.size());
    const std::string_view line = membership.substr(0, end);
    membership.remove_prefix(std::min(end + 1, membership.size()));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool version_2 = controllers.empty();
    if (!version_2 && !names_cpu(controllers)) continue;
    const fs::path mount = version_2 ? root : root / "cpu";
    fs::path group = fs::path(line.substr(second + 1)).relative_path().lexically_normal();
    // What a container sees of its own path may not exist in what it sees mounted: up to the root.
    while (true) {
      const uint32_t cpus = quota_of(mount / group, version_2);
      if (cpus > 0) least = least == 0 ? cpus : std::min(least, cpus);
      if (group.empty() || group == ".") break;
      group = group.parent_path();
    }
  }
  return least;
}

uint32_t usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  uint32_t count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    count = static_cast<uint32_t>(std::max(CPU_COUNT(&set), 1));
  std::ifstream file("/proc/self/cgroup");
  const std::string membership{std::istreambuf_iterator<char>(file), {}};
  const uint32_t quota = quota_cpus("/sys/fs/cgroup", membership);
  return quota == 0 ? count : std::min(count, quota);
}

}  // namespace pipit
