// What the kernel says about the server, this process and the machine at one moment.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "bench/load_report.h"

namespace pipit::load {

uint64_t now_ns();

struct Sample {
  uint64_t wall_ns = 0;
  uint64_t server_cpu_ns = 0;
  uint64_t own_cpu_ns = 0;
  uint64_t machine_cpu_ns = 0;
};

Sample take_sample(pid_t server);

// Resident memory in bytes, now and at most.
uint64_t resident_bytes(pid_t server);
uint64_t resident_bytes_peak(pid_t server);

// Server CPU seconds per million messages, messages a second, and how busy everybody was.
void report_rate(Report& report, const Sample& from, const Sample& to, uint64_t messages);

// The `share` quantile, in microseconds; reorders. 0 of nothing.
double quantile_us(std::vector<uint64_t>& latencies_ns, double share);

}  // namespace pipit::load
