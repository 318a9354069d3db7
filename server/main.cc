// pipit: the broker as a process. The only file that touches argv, signals, stdout and exit.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "pipit/server.h"
#include "pipit_config.h"
#include "server/check_store.h"
#include "server/config.h"
#include "server/cpu_count.h"
#include "server/flags.h"
#include "server/log_file.h"
#include "server/ports_file.h"
#include "server/reload.h"
#include "server/tls_listeners.h"

namespace pipit {
namespace {

constexpr int kExitFailed = 1;

std::string program_name(const char* argv0) {
  const std::string path = argv0 == nullptr ? "pipit" : argv0;
  return path.substr(path.rfind('/') + 1);
}

void print_version(const std::string& program) {
  if (program == "nats-server")
    std::printf("nats-server: v%s\n", PIPIT_NATS_VERSION);
  else
    std::printf("pipit: v%s (nats %s)\n", PIPIT_VERSION, PIPIT_NATS_VERSION);
}

void raise_descriptor_limit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

// The process that --signal means: a pid, a file that holds one, or the only one of our name.
std::vector<pid_t> find_processes(const std::string& program, const std::string& which) {
  namespace fs = std::filesystem;
  std::vector<pid_t> found;
  const auto parse = [](std::string_view text, pid_t& pid) {
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), pid);
    return status == std::errc() && end == text.data() + text.size() && pid > 0;
  };
  pid_t pid = 0;
  std::string prefix = which;
  const bool any = !which.empty() && which.back() == '*';
  if (any) prefix.pop_back();
  if (!which.empty() && !any) {
    if (parse(which, pid)) return {pid};
    std::string text;
    if (std::ifstream(which) >> text && parse(text, pid)) return {pid};
    return {};
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (!parse(name, pid) || pid == getpid() || !name.starts_with(prefix)) continue;
    const fs::path exe = fs::read_symlink(entry.path() / "exe", error);
    if (!error && exe.filename() == program) found.push_back(pid);
  }
  return found;
}

int send_signal(const std::string& program, const std::string& command) {
  const size_t equals = command.find('=');
  const std::string name = command.substr(0, equals);
  const std::string which = equals == std::string::npos ? "" : command.substr(equals + 1);
  int number = 0;
  for (const auto& [known, value] :
       {std::pair{"stop", SIGKILL}, std::pair{"quit", SIGINT}, std::pair{"term", SIGTERM},
        std::pair{"reopen", SIGUSR1}, std::pair{"reload", SIGHUP}, std::pair{"ldm", SIGUSR2}})
    if (name == known) number = value;
  if (number == 0) {
    std::fprintf(stderr, "%s: unknown signal \"%s\"\n", program.c_str(), name.c_str());
    return kExitFailed;
  }
  const std::vector<pid_t> targets = find_processes(program, which);
  const bool many = !which.empty() && which.back() == '*';
  if (targets.empty() || (targets.size() > 1 && !many)) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(),
                 targets.empty() ? "no server running" : "multiple processes running");
    return kExitFailed;
  }
  for (const pid_t pid : targets)
    if (kill(pid, number) != 0) {
      std::perror(program.c_str());
      return kExitFailed;
    }
  return 0;
}

// Runs until a signal ends it.
int serve(Options options, const ProcessOptions& process, const Flags& flags,
          const std::string& program, sigset_t signals) {
  LogFile log({process.log_file, process.logtime, process.logtime_utc, process.log_size_limit,
               process.log_max_num});
  if (const auto opened = log.open(); !opened.ok()) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), opened.error().text.c_str());
    return kExitFailed;
  }
  const auto say = [&log](LogLevel level, const std::string& text) { log.write(level, text); };
  options.log = [&log](LogLevel level, std::string_view line) { log.write(level, line); };
  const Options shown = options;

  auto created = Server::create(std::move(options));
  if (!created.ok()) {
    say(LogLevel::fatal, created.error().text);
    return kExitFailed;
  }
  Server& server = *created.value();
  say(LogLevel::info, "Starting " + program);
  say(LogLevel::info, "  Version:  " PIPIT_NATS_VERSION " (pipit " PIPIT_VERSION ")");
  say(LogLevel::info, "  Git:      [not set]");
  say(LogLevel::info,
      "  Name:     " + (shown.server_name.empty() ? server.id() : shown.server_name));
  say(LogLevel::info, "  ID:       " + server.id());
  if (!shown.config_file.empty())
    say(LogLevel::info,
        "Using configuration file: " + shown.config_file + " (" + shown.config_digest + ")");
  if (server.monitor_port() != 0)
    say(LogLevel::info, std::string(shown.https_port != 0 ? "Starting https monitor on "
                                                          : "Starting http monitor on ") +
                            shown.http_host + ":" + std::to_string(server.monitor_port()));
  if (server.websocket_port() != 0) {
    const bool wss = shown.websocket.tls.enabled();
    say(LogLevel::info, std::string("Listening for websocket clients on ") +
                            (wss ? "wss://" : "ws://") + shown.websocket.host + ":" +
                            std::to_string(server.websocket_port()));
    if (!wss)
      say(LogLevel::warning, "Websocket not configured with TLS. DO NOT USE IN PRODUCTION!");
  }
  // After the ports are bound, so that a second server does not write over the first one's.
  if (!process.pid_file.empty())
    if (const auto written = write_pid_file(process.pid_file); !written.ok()) {
      say(LogLevel::fatal, "Could not write pidfile: " + written.error().text);
      return kExitFailed;
    }
  if (const auto started = server.start(); !started.ok()) {
    say(LogLevel::fatal, started.error().text);
    return kExitFailed;
  }
  say(LogLevel::info, "Listening for client connections on " + shown.host + ":" +
                          std::to_string(server.client_port()));
  if (shown.tls.enabled()) {
    const bool first = shown.tls.handshake_first == TlsFirst::always;
    say(LogLevel::info, !shown.allow_non_tls || first ? "TLS required for client connections"
                                                      : "TLS available for client connections");
    if (first)
      say(LogLevel::warning,
          "Clients that are not using \"TLS Handshake First\" option will fail to connect");
  }
  say(LogLevel::info, "Server is ready");

  std::string ports_path;
  if (!process.ports_file_dir.empty()) {
    const auto written =
        write_ports_file(process.ports_file_dir, program,
                         {shown.host, shown.websocket.host, shown.http_host, server.client_port(),
                          server.websocket_port(), server.monitor_port(), shown.tls.enabled(),
                          shown.websocket.tls.enabled(), shown.https_port != 0});
    if (written.ok())
      ports_path = written.value();
    else
      say(LogLevel::error, "Error writing ports file: " + written.error().text);
  }

  const pthread_t self = pthread_self();
  bool lame_duck = false;
  std::atomic<bool> all_gone = false;
  for (bool running = true; running;) {
    int number = 0;
    if (sigwait(&signals, &number) != 0) continue;
    switch (number) {
      case SIGINT:
        if (!all_gone) say(LogLevel::info, "Trapped \"interrupt\" signal");
        running = false;
        break;
      case SIGTERM:
        say(LogLevel::info, "Trapped \"terminated\" signal");
        running = lame_duck;
        break;
      case SIGUSR1:
        say(LogLevel::info, "Trapped \"user defined signal 1\" signal");
        if (process.log_file.empty())
          say(LogLevel::info, "File log re-open ignored, not a file logger");
        else if (const auto reopened = log.reopen(); !reopened.ok())
          say(LogLevel::error, reopened.error().text);
        else
          say(LogLevel::info, "File log re-opened");
        break;
      case SIGUSR2:
        say(LogLevel::info, "Trapped \"user defined signal 2\" signal");
        if (!lame_duck) {
          lame_duck = true;
          say(LogLevel::info, "Entering lame duck mode, stop accepting new clients");
          // The last client is gone: end as an interrupt would.
          server.lame_duck([self, &all_gone] {
            all_gone = true;
            pthread_kill(self, SIGINT);
          });
        }
        break;
      case SIGHUP:
        say(LogLevel::info, "Trapped \"hangup\" signal");
        if (const auto reloaded = reload(server, flags, shown); !reloaded.ok())
          say(LogLevel::error, "Failed to reload server configuration: " + reloaded.error().text);
        else
          say(LogLevel::info, "Reloaded server configuration");
        break;
      default:
        break;
    }
  }
  say(LogLevel::info, "Initiating Shutdown...");
  server.stop();
  if (!ports_path.empty()) unlink(ports_path.c_str());
  say(LogLevel::info, "Server Exiting..");
  return 0;
}

int run(int argc, char** argv) {
  const std::string program = program_name(argc > 0 ? argv[0] : nullptr);
  if (argc > 1 && std::string_view(argv[1]) == "check")
    return check_store(program, {argv + 2, argv + argc});
  const Flags flags = parse_flags({argv + (argc > 0 ? 1 : 0), argv + argc});
  switch (flags.action) {
    case Flags::Action::help:
      std::fputs(usage_text(program).c_str(), stdout);
      return 0;
    case Flags::Action::version:
      print_version(program);
      return 0;
    case Flags::Action::bad_usage:
      std::fprintf(stderr, "%s\n%s", flags.error.c_str(), usage_text(program).c_str());
      return 0;
    case Flags::Action::fail:
      std::fprintf(stderr, "%s: %s\n", program.c_str(), flags.error.c_str());
      return kExitFailed;
    case Flags::Action::run:
      break;
  }
  if (!flags.signal.empty()) return send_signal(program, flags.signal);

  Options options;
  ProcessOptions process;
  ConfigFaults faults;
  if (!flags.config_file.empty())
    parse_config_file(flags.config_file, options, process, faults);
  else if (flags.test_config)
    faults.errors.push_back("the -t option requires a configuration file, given with -c");
  for (const auto& apply : flags.overrides) apply(options, process);
  if (!process.reactors_given) options.reactors = usable_cpus();
  if (faults.errors.empty()) validate(options, faults);
  for (const std::string& text : faults.warnings)
    std::fprintf(stderr, "%s: %s\n", program.c_str(), text.c_str());
  for (const std::string& text : faults.errors)
    std::fprintf(stderr, "%s: %s\n", program.c_str(), text.c_str());
  if (!faults.errors.empty() || (flags.test_config && !faults.warnings.empty())) return kExitFailed;
  if (flags.test_config) {
    if (const auto loaded = TlsListeners().load(options); !loaded.ok()) {
      std::fprintf(stderr, "%s: %s\n", program.c_str(), loaded.error().text.c_str());
      return kExitFailed;
    }
    std::fprintf(stderr, "%s: configuration file %s is valid (%s)\n", program.c_str(),
                 options.config_file.c_str(), options.config_digest.c_str());
    return 0;
  }

  raise_descriptor_limit();
  signal(SIGPIPE, SIG_IGN);
  // Blocked before any thread starts, so that only this one takes them, by sigwait.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return serve(std::move(options), process, flags, program, signals);
}

}  // namespace
}  // namespace pipit

int main(int argc, char** argv) { return pipit::run(argc, argv); }
