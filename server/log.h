// Log: levels on top of the embedder's callback. Nothing is formatted that nobody wants to read.
//
// Any thread. The callback decides where lines go; without one they go nowhere.
#pragma once
#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <string>

#include "pipit/options.h"

namespace pipit {

class Log {
 public:
  explicit Log(const Options& options) : sink_(options.log) { change(options); }

  bool debug() const { return sink_ && debug_.load(std::memory_order_relaxed); }
  bool trace() const { return sink_ && trace_.load(std::memory_order_relaxed); }
  // What is wanted from now on, to the same callback.
  void change(const Options& options) {
    debug_.store(options.debug, std::memory_order_relaxed);
    trace_.store(options.trace || options.trace_verbose, std::memory_order_relaxed);
  }
  void line(LogLevel level, std::string_view text) const {
    if (sink_ && (level != LogLevel::debug || debug()) && (level != LogLevel::trace || trace()))
      sink_(level, text);
  }
  __attribute__((format(printf, 3, 4))) void print(LogLevel level, const char* format, ...) const {
    if (!sink_) return;
    if ((level == LogLevel::debug && !debug()) || (level == LogLevel::trace && !trace())) return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sink_(level, text);
  }

 private:
  const LogCallback sink_;
  std::atomic<bool> debug_{false}, trace_{false};
};

}  // namespace pipit
