#include "bench/load_meter.h"

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace pipit::load {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

// Nanoseconds, from every thread's schedstat: /proc/<pid>/stat counts in hundredths of a second,
// which is coarse for a run of one. A thread that ends meanwhile takes its time with it; neither
// server ends threads under load.
uint64_t process_cpu_ns(pid_t pid) {
  uint64_t sum = 0;
  std::error_code error;
  const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    std::ifstream file(task.path() / "schedstat");
    uint64_t on_cpu = 0;
    if (file >> on_cpu) sum += on_cpu;
  }
  return sum;
}

uint64_t own_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_nsec);
}

// All CPUs, without idle and waiting for disks.
uint64_t machine_cpu_ns() {
  std::ifstream file("/proc/stat");
  std::string label;
  uint64_t user = 0, nice = 0, system = 0, idle = 0, disk = 0, irq = 0, softirq = 0;
  file >> label >> user >> nice >> system >> idle >> disk >> irq >> softirq;
  const auto ticks = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
  return (user + nice + system + irq + softirq) * (kSecond / ticks);
}

uint64_t status_bytes(pid_t pid, std::string_view key) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; file >> word;) {
    uint64_t kib = 0;
    if (word == key && file >> kib) return kib * 1024;
  }
  return 0;
}

}  // namespace

uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * kSecond + static_cast<uint64_t>(time.tv_nsec);
}

Sample take_sample(pid_t server) {
  Sample sample;
  if (server > 0) sample.server_cpu_ns = process_cpu_ns(server);
  sample.own_cpu_ns = own_cpu_ns();
  sample.machine_cpu_ns = machine_cpu_ns();
  sample.wall_ns = now_ns();
  return sample;
}

uint64_t resident_bytes(pid_t server) { return status_bytes(server, "VmRSS:"); }
uint64_t resident_bytes_peak(pid_t server) { return status_bytes(server, "VmHWM:"); }

void report_rate(Report& report, const Sample& from, const Sample& to, uint64_t messages) {
  const auto wall = static_cast<double>(to.wall_ns - from.wall_ns);
  const auto server = static_cast<double>(to.server_cpu_ns - from.server_cpu_ns);
  const auto own = static_cast<double>(to.own_cpu_ns - from.own_cpu_ns);
  const auto machine = static_cast<double>(to.machine_cpu_ns - from.machine_cpu_ns);
  const auto count = static_cast<double>(messages);
  report.set("seconds", wall / 1e9);
  report.set("messages", count);
  report.set("per_second", count / (wall / 1e9));
  report.set("server_cpu_per_million", messages == 0 ? 0 : server / 1e9 / (count / 1e6));
  report.set("server_cpu_percent", 100 * server / wall);
  report.set("generator_cpu_percent", 100 * own / wall);
  report.set("others_cpu_percent", std::max(0.0, 100 * (machine - server - own) / wall));
}

double quantile_us(std::vector<uint64_t>& latencies_ns, double share) {
  if (latencies_ns.empty()) return 0;
  const auto rank = static_cast<size_t>(share * static_cast<double>(latencies_ns.size() - 1));
  const auto place = latencies_ns.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(latencies_ns.begin(), place, latencies_ns.end());
  return static_cast<double>(*place) / 1e3;
}

}  // namespace pipit::load
