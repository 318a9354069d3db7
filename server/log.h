// Log: levels on top of the embedder's callback. Nothing is formatted that nobody wants to read.
//
// Any thread. The callback decides where lines go; without one they go nowhere.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <string>

#include "pipit/options.h"

namespace pipit {

class Log {
 public:
  explicit Log(const Options& options)
      : sink_(options.log), debug_(options.debug), trace_(options.trace || options.trace_verbose) {}

  bool debug() const { return debug_ && sink_; }
  bool trace() const { return trace_ && sink_; }
  void line(LogLevel level, std::string_view text) const {
    if (sink_ && (level != LogLevel::debug || debug_) && (level != LogLevel::trace || trace_))
      sink_(level, text);
  }
  __attribute__((format(printf, 3, 4))) void print(LogLevel level, const char* format, ...) const {
    if (!sink_) return;
    if ((level == LogLevel::debug && !debug_) || (level == LogLevel::trace && !trace_)) return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sink_(level, text);
  }

 private:
  const LogCallback sink_;
  const bool debug_, trace_;
};

}  // namespace pipit
