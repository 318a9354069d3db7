// One run's result: a JSON object on one line of stdout, fields in the order in which they came.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace pipit::load {

class Report {
 public:
  void set(std::string_view key, double value);
  void set(std::string_view key, std::string_view text);
  void print() const;

 private:
  void key(std::string_view key);
  std::string fields_;
};

// Ends the process with 1 after printing {"error": ...}: what a run cannot go on without.
[[noreturn]] void fail(std::string_view why);

}  // namespace pipit::load
