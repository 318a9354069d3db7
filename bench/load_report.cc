#include "bench/load_report.h"

#include <cstdio>
#include <cstdlib>

namespace pipit::load {

void Report::key(std::string_view key) {
  if (!fields_.empty()) fields_ += ", ";
  fields_.append("\"").append(key).append("\": ");
}

void Report::set(std::string_view name, double value) {
  key(name);
  char digits[40];
  std::snprintf(digits, sizeof digits, "%.10g", value);
  fields_ += digits;
}

void Report::set(std::string_view name, std::string_view text) {
  key(name);
  fields_ += '"';
  for (char c : text) {
    if (c == '"' || c == '\\') fields_ += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) fields_ += c;
  }
  fields_ += '"';
}

void Report::print() const { std::printf("{%s}\n", fields_.c_str()); }

void fail(std::string_view why) {
  Report report;
  report.set("error", why);
  report.print();
  std::exit(1);
}

}  // namespace pipit::load
