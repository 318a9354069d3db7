// Connections that are shaken hands with, subscribe once and then do nothing: what each costs.
#include <sys/resource.h>

#include <memory>

#include "bench/load_meter.h"
#include "bench/load_run.h"

namespace pipit::load {
namespace {

constexpr uint64_t kSettleNs = 500'000'000;  // for the server to let go of what it hurried with

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

bool run_idle(const Plan& plan, const Target& target, Report& report) {
  raise_descriptor_limit();
  Loop loop;
  std::vector<std::unique_ptr<MessagePeer>> peers;
  peers.reserve(plan.count);
  // The first one brings in what the server makes once.
  peers.push_back(std::make_unique<MessagePeer>(loop, target, plan));
  peers.back()->fence();
  const uint64_t before = resident_bytes(target.pid);
  const Sample from = take_sample(target.pid);
  while (peers.size() < plan.count + 1) {
    peers.push_back(std::make_unique<MessagePeer>(loop, target, plan));
    peers.back()->say("SUB load.idle." + std::to_string(peers.size()) + " 1\r\n");
    peers.back()->fence();
  }
  const Sample to = take_sample(target.pid);
  for (const uint64_t end = now_ns() + kSettleNs; now_ns() < end;) loop.turn(100);
  const auto grown = static_cast<double>(resident_bytes(target.pid) - before);
  report_rate(report, from, to, plan.count);
  report.set("resident_bytes_each", grown / static_cast<double>(plan.count));
  return true;
}

}  // namespace pipit::load
