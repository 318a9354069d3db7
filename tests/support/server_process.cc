#include "tests/support/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
extern "C" {  // glibc 2.36 forgot to say so itself
#include <sys/pidfd.h>
}

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>

namespace pipit::test {
namespace {

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Between fork and exec only calls that are safe in a signal handler.
pid_t spawn(const char* binary, const char* config, const char* log) {
  pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  int out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::execl(binary, binary, "-c", config, static_cast<char*>(nullptr));
  ::_exit(127);
}

}  // namespace

ServerProcess::~ServerProcess() { kill(); }

std::string ServerProcess::start(const std::string& binary, std::string_view config,
                                 Deadline deadline) {
  std::string whole = "ports_file_dir: \"" + dir_.path().string() + "\"\n" + std::string(config);
  std::string file = dir_.write("server.conf", whole);
  int inotify = ::inotify_init1(IN_CLOEXEC);
  ::inotify_add_watch(inotify, dir_.path().c_str(), IN_CLOSE_WRITE | IN_MOVED_TO);
  pid_ = spawn(binary.c_str(), file.c_str(), (dir_.path() / "log").c_str());
  pidfd_ = pid_ > 0 ? ::pidfd_open(pid_, 0) : -1;
  bool listening = pidfd_ >= 0 && wait_for_ports_file(inotify, deadline);
  ::close(inotify);
  if (listening) return {};
  return binary + " did not come to listen; its log:\n" + log();
}

bool ServerProcess::wait_for_ports_file(int inotify, Deadline deadline) {
  // The name starts with that of the executable, which a symbolic link may disguise.
  const std::string suffix = "_" + std::to_string(pid_) + ".ports";
  for (;;) {
    for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
      std::string name = entry.path().filename();
      if (!name.ends_with(suffix)) continue;
      ports_ = content_of(entry.path());
      if (ports_.ends_with("}") || ports_.ends_with("}\n")) return true;
    }
    pollfd watched[] = {{inotify, POLLIN, 0}, {pidfd_, POLLIN, 0}};
    int ready = ::poll(watched, 2, deadline.remaining_ms());
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || watched[1].revents != 0) return false;
    char events[4096];
    if (::read(inotify, events, sizeof events) < 0) return false;
  }
}

uint16_t ServerProcess::port_of(std::string_view kind) const {
  size_t at = ports_.find("\"" + std::string(kind) + "\"");
  if (at == std::string::npos) return 0;
  size_t end = ports_.find_first_of("\",]", ports_.find("://", at) + 3);
  size_t colon = ports_.rfind(':', end);
  return static_cast<uint16_t>(std::atoi(ports_.c_str() + colon + 1));
}

void ServerProcess::signal(int number) const {
  if (pidfd_ >= 0) ::pidfd_send_signal(pidfd_, number, nullptr, 0);
}

std::string ServerProcess::stop(int number, Deadline deadline) {
  if (pidfd_ < 0) return {};
  signal(number);
  pollfd watched{pidfd_, POLLIN, 0};
  int ready;
  do ready = ::poll(&watched, 1, deadline.remaining_ms());
  while (ready < 0 && errno == EINTR);
  if (ready <= 0) {
    kill();
    return "the server did not stop and was killed; its log:\n" + log();
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  ::close(pidfd_);
  pidfd_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  std::ostringstream text;
  if (WIFSIGNALED(status)) text << "the server died of signal " << WTERMSIG(status);
  if (WIFEXITED(status)) text << "the server ended with status " << WEXITSTATUS(status);
  text << "; its log:\n" << log();
  return text.str();
}

void ServerProcess::kill() {
  if (pidfd_ < 0) return;
  signal(SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  ::close(pidfd_);
  pidfd_ = -1;
}

std::string ServerProcess::log() const { return content_of(dir_.path() / "log"); }

std::string version_of(const std::string& binary) {
  FILE* pipe = ::popen(("'" + binary + "' -v").c_str(), "re");
  if (!pipe) return {};
  char line[256] = "";
  char* got = std::fgets(line, sizeof line, pipe);
  ::pclose(pipe);
  const char* version = got ? std::strstr(line, ": v") : nullptr;
  if (!version) return {};
  return {version + 3, std::strspn(version + 3, "0123456789.")};
}

std::string genuine_server() {
  if (const char* named = std::getenv("NATS_SERVER"); named && *named) return named;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    std::string file = folder + "/nats-server";
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

}  // namespace pipit::test
