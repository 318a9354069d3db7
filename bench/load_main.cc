// pipit_load: puts a NATS server under load, and says what that cost it.
//
//   pipit_load SCENARIO --port N [--ws-port N] [--pid N] [--seconds S]
//   pipit_load startup --port N [--cpu N] -- SERVER [ARGUMENT ...]
//   pipit_load list
//
// One JSON object on stdout. Exit code 0, 1 if the run failed ("error" says why), 2 if messages were
// lost or came out of order, 64 for a wrong command line.
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load_run.h"

namespace {

using namespace pipit::load;

struct Arguments {
  std::string scenario;
  Target target;
  double seconds = 1;
  int cpu = -1;
  std::vector<std::string> command;
};

[[noreturn]] void usage() {
  std::fputs(
      "usage: pipit_load SCENARIO --port N [--ws-port N] [--pid N] [--seconds S]\n"
      "       pipit_load startup --port N [--cpu N] -- SERVER [ARGUMENT ...]\n"
      "       pipit_load list\n",
      stderr);
  std::exit(64);
}

Arguments arguments_of(std::span<char*> words) {
  if (words.empty()) usage();
  Arguments arguments;
  arguments.scenario = words[0];
  for (size_t i = 1; i < words.size(); i += 2) {
    const std::string_view flag = words[i];
    if (flag == "--") {
      arguments.command.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (i + 1 == words.size()) usage();
    const char* value = words[i + 1];
    if (flag == "--port")
      arguments.target.port = static_cast<uint16_t>(std::atoi(value));
    else if (flag == "--ws-port")
      arguments.target.websocket_port = static_cast<uint16_t>(std::atoi(value));
    else if (flag == "--pid")
      arguments.target.pid = std::atoi(value);
    else if (flag == "--seconds")
      arguments.seconds = std::atof(value);
    else if (flag == "--cpu")
      arguments.cpu = std::atoi(value);
    else
      usage();
  }
  return arguments;
}

bool run(const Arguments& arguments, Report& report) {
  const Target& target = arguments.target;
  if (arguments.scenario == "startup") {
    if (arguments.command.empty()) usage();
    return run_startup(arguments.command, target.port, arguments.cpu, report);
  }
  const auto plan = find_plan(arguments.scenario);
  if (!plan) usage();
  switch (plan->kind) {
    case Kind::kRequest: return run_requests(*plan, target, arguments.seconds, report);
    case Kind::kInterest: return run_interest(*plan, target, arguments.seconds, report);
    case Kind::kStream: return run_stream(*plan, target, arguments.seconds, report);
    case Kind::kIdle: return run_idle(*plan, target, report);
    case Kind::kFlow: break;
  }
  return run_flow(*plan, target, arguments.seconds, report);
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  const Arguments arguments =
      arguments_of(std::span(argv, static_cast<size_t>(argc)).subspan(argc > 0 ? 1 : 0));
  if (arguments.scenario == "list") {
    for (const std::string& name : plan_names()) std::puts(name.c_str());
    return 0;
  }
  Report report;
  report.set("scenario", arguments.scenario);
  const bool whole = run(arguments, report);
  report.print();
  return whole ? 0 : 2;
}
