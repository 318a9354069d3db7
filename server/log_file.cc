#include "server/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

namespace pipit {
namespace {

const char* label(LogLevel level, bool colour) {
  switch (level) {
    case LogLevel::fatal: return colour ? "[\033[31mFTL\033[0m] " : "[FTL] ";
    case LogLevel::error: return colour ? "[\033[31mERR\033[0m] " : "[ERR] ";
    case LogLevel::warning: return colour ? "[\033[0;93mWRN\033[0m] " : "[WRN] ";
    case LogLevel::info: return colour ? "[\033[32mINF\033[0m] " : "[INF] ";
    case LogLevel::debug: return colour ? "[\033[36mDBG\033[0m] " : "[DBG] ";
    case LogLevel::trace: return colour ? "[\033[33mTRC\033[0m] " : "[TRC] ";
  }
  return "";
}

}  // namespace

LogFile::~LogFile() {
  if (fd_ > 2) ::close(fd_);
}

Result<void> LogFile::open() {
  const std::lock_guard lock(mutex_);
  colour_ = settings_.path.empty() && isatty(2) == 1;
  return open_locked();
}

Result<void> LogFile::open_locked() {
  if (settings_.path.empty()) return {};
  const int fd = ::open(settings_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0)
    return Error{Errc::io, errno, "open",
                 "error opening logfile: " + settings_.path + ": " + std::strerror(errno)};
  if (fd_ > 2) ::close(fd_);
  fd_ = fd;
  struct stat info;
  size_ = fstat(fd, &info) == 0 ? info.st_size : 0;
  return {};
}

Result<void> LogFile::reopen() {
  const std::lock_guard lock(mutex_);
  return open_locked();
}

std::string LogFile::format(LogLevel level, std::string_view text) const {
  char head[96];
  size_t n = static_cast<size_t>(std::snprintf(head, sizeof head, "[%d] ", getpid()));
  if (settings_.time) {
    timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    tm parts;
    if (settings_.utc) gmtime_r(&now.tv_sec, &parts);
    else localtime_r(&now.tv_sec, &parts);
    n += strftime(head + n, sizeof head - n, "%Y/%m/%d %H:%M:%S", &parts);
    n += static_cast<size_t>(
        std::snprintf(head + n, sizeof head - n, ".%06ld ", now.tv_nsec / 1000));
  }
  std::string line(head, n);
  line += label(level, colour_);
  line += text;
  line += '\n';
  return line;
}

void LogFile::write(LogLevel level, std::string_view text) {
  const std::lock_guard lock(mutex_);
  const std::string line = format(level, text);
  if (settings_.size_limit > 0 && fd_ > 2 &&
      size_ + static_cast<int64_t>(line.size()) > settings_.size_limit)
    rotate_locked();
  size_t done = 0;
  while (done < line.size()) {
    const ssize_t n = ::write(fd_, line.data() + done, line.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;  // a log that cannot be written has nowhere to say so
    done += static_cast<size_t>(n);
  }
  size_ += static_cast<int64_t>(line.size());
}

void LogFile::rotate_locked() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  tm parts;
  localtime_r(&now.tv_sec, &parts);
  char stamp[64];
  const size_t n = strftime(stamp, sizeof stamp, ".%Y.%m.%d.%H.%M.%S", &parts);
  std::snprintf(stamp + n, sizeof stamp - n, ".%09ld", now.tv_nsec);
  ::rename(settings_.path.c_str(), (settings_.path + stamp).c_str());
  // If the new file cannot be opened, lines go on into the renamed one.
  if (open_locked().ok()) drop_old_locked();
}

void LogFile::drop_old_locked() {
  if (settings_.max_files <= 0) return;
  namespace fs = std::filesystem;
  const fs::path live(settings_.path);
  const std::string prefix = live.filename().string() + ".";
  const fs::path folder = live.parent_path().empty() ? fs::path(".") : live.parent_path();
  std::vector<std::string> old;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    // Only what rotate_locked() names: digits and dots behind the prefix.
    if (name.starts_with(prefix) && name.size() == prefix.size() + 29 &&
        name.find_first_not_of("0123456789.", prefix.size()) == std::string::npos)
      old.push_back(entry.path().string());
  }
  std::sort(old.begin(), old.end());
  const auto keep = static_cast<size_t>(settings_.max_files - 1);
  for (size_t i = 0; i + keep < old.size(); ++i) ::unlink(old[i].c_str());
}

}  // namespace pipit
