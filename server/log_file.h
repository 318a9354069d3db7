// LogFile: log lines in nats-server's format, to stderr or to a file that rotates.
//
//   [pid] 2026/01/02 15:04:05.000000 [INF] text
//
// Any thread; a line is one write().
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "pipit/options.h"
#include "pipit/result.h"

namespace pipit {

class LogFile {
 public:
  struct Settings {
    std::string path;  // empty: stderr
    bool time = true, utc = false;
    int64_t size_limit = 0;  // 0: never rotate
    int64_t max_files = 0;   // 0: keep all; counts the live file too
  };

  explicit LogFile(Settings settings) : settings_(std::move(settings)) {}
  ~LogFile();
  LogFile(const LogFile&) = delete;

  Result<void> open();
  Result<void> reopen();  // after somebody moved the file away
  void write(LogLevel level, std::string_view text);

 private:
  std::string format(LogLevel level, std::string_view text) const;
  Result<void> open_locked();
  void rotate_locked();
  void drop_old_locked();

  const Settings settings_;
  std::mutex mutex_;
  int fd_ = 2;
  int64_t size_ = 0;
  bool colour_ = false;
};

}  // namespace pipit
