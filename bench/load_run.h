// One function for each kind of plan: runs it against the server and says what it measured.
// True if nothing was lost and nothing out of order.
#pragma once
#include <span>
#include <string>

#include "bench/load_peer.h"
#include "bench/load_report.h"

namespace pipit::load {

bool run_flow(const Plan& plan, const Target& target, double seconds, Report& report);
bool run_requests(const Plan& plan, const Target& target, double seconds, Report& report);
bool run_interest(const Plan& plan, const Target& target, double seconds, Report& report);
bool run_stream(const Plan& plan, const Target& target, double seconds, Report& report);
bool run_idle(const Plan& plan, const Target& target, Report& report);

// From exec() to the first accepted connection, several times. `command` is pinned to `cpu` unless
// that is negative, and must listen on `port`.
bool run_startup(std::span<const std::string> command, uint16_t port, int cpu, Report& report);

// Bounds how long a run may stand still, and so how long it may take.
inline constexpr uint64_t kStallNs = 5'000'000'000;

// Before measuring, for this share of the time, everything runs once as it will be measured.
inline constexpr double kWarmShare = 0.25;

}  // namespace pipit::load
