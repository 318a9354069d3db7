// How long a server takes from exec() to its first accepted connection, and what it then weighs.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vector>

#include "bench/load_meter.h"
#include "bench/load_run.h"

namespace pipit::load {
namespace {

constexpr int kTimes = 11;
constexpr uint64_t kAcceptNs = 10'000'000'000;
constexpr long kLookAgainNs = 100'000;
constexpr time_t kIdleSeconds = 1;

bool accepts(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

[[noreturn]] void become(std::span<const std::string> command, int cpu) {
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(cpu), &set);
    sched_setaffinity(0, sizeof set, &set);
  }
  const int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  _exit(127);
}

}  // namespace

bool run_startup(std::span<const std::string> command, uint16_t port, int cpu, Report& report) {
  std::vector<uint64_t> accept_ns;
  uint64_t resident = 0;
  for (int i = 0; i < kTimes; ++i) {
    const uint64_t start = now_ns();
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) become(command, cpu);
    while (!accepts(port)) {
      if (waitpid(pid, nullptr, WNOHANG) == pid) fail("the server ended at once");
      if (now_ns() - start > kAcceptNs) {
        kill(pid, SIGKILL);
        fail("the server does not accept");
      }
      const timespec pause{0, kLookAgainNs};
      nanosleep(&pause, nullptr);
    }
    accept_ns.push_back(now_ns() - start);
    if (i + 1 == kTimes) {
      const timespec idle{kIdleSeconds, 0};
      nanosleep(&idle, nullptr);
      resident = resident_bytes(pid);
    }
    kill(pid, SIGTERM);
    waitpid(pid, nullptr, 0);
  }
  report.set("accept_ms", quantile_us(accept_ns, 0.5) / 1e3);
  report.set("idle_resident_bytes", static_cast<double>(resident));
  return true;
}

}  // namespace pipit::load
