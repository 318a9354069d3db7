#include "server/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "server/read_file.h"

namespace pipit {
namespace {

// The numbers, with blanks between them, that the file begins with.
std::vector<int64_t> numbers_in(const std::string& path) {
  const auto read = read_file(path, 4096);
  std::vector<int64_t> numbers;
  if (!read.ok()) return numbers;
  const std::string& text = read.value();
  const char* at = text.data();
  const char* const end = at + text.size();
  for (int64_t number = 0;;) {
    while (at < end && (*at == ' ' || *at == '\n')) ++at;
    const auto [next, status] = std::from_chars(at, end, number);
    if (status != std::errc()) return numbers;
    numbers.push_back(number);
    at = next;
  }
}

// Of one group; 0: none. A file may be missing, or say "max" for the quota.
uint32_t quota_of(const std::string& group, bool version_2) {
  std::vector<int64_t> numbers = numbers_in(group + (version_2 ? "/cpu.max" : "/cpu.cfs_quota_us"));
  if (!version_2 && numbers.size() == 1)
    for (const int64_t period : numbers_in(group + "/cpu.cfs_period_us")) numbers.push_back(period);
  if (numbers.size() != 2) return 0;
  const int64_t quota = numbers[0], period = numbers[1];
  if (quota <= 0 || period <= 0) return 0;
  return static_cast<uint32_t>(std::min<int64_t>((quota - 1) / period + 1, 1 << 16));
}

// "/a/b" of "/a/./c/../b/"; nothing is above the root, which is "".
std::string normal_path(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part == "..")
      out.resize(out.empty() ? 0 : out.rfind('/'));
    else if (!part.empty() && part != ".")
      (out += '/') += part;
  }
  return out;
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

uint32_t quota_cpus(const std::string& root, std::string_view membership) {
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
    const std::string mount = version_2 ? root : root + "/cpu";
    std::string group = normal_path(line.substr(second + 1));
    // What a container sees of its own path may not exist in what it sees mounted: up to the root.
    while (true) {
      const uint32_t cpus = quota_of(mount + group, version_2);
      if (cpus > 0) least = least == 0 ? cpus : std::min(least, cpus);
      if (group.empty()) break;
      group.resize(group.rfind('/'));
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
  const auto membership = read_file("/proc/self/cgroup", 1024 * 1024);
  const uint32_t quota = membership.ok() ? quota_cpus("/sys/fs/cgroup", membership.value()) : 0;
  return quota == 0 ? count : std::min(count, quota);
}

}  // namespace pipit
