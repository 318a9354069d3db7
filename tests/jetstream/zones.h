// Time zones for tests, in the compiled form and independent of what the system has installed.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pipit::js::zones {

inline void put(std::string& out, int64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<uint64_t>(value) >> shift & 0xFF);
}

struct Transition {
  int64_t time;
  int32_t offset_s;
};

// A TZif file, version 2, whose 32-bit half is empty.
inline std::string tzif(int32_t first_offset_s, const std::vector<Transition>& transitions,
                        std::string_view rule) {
  const auto header = [](std::string& out, size_t times, size_t types) {
    out += "TZif2";
    out.append(15, '\0');
    for (const size_t count : {size_t{0}, size_t{0}, size_t{0}, times, types, size_t{4}})
      put(out, static_cast<int64_t>(count), 4);
  };
  const auto type = [](std::string& out, int32_t offset_s) {
    put(out, offset_s, 4);
    put(out, 0, 2);
  };
  std::string out;
  header(out, 0, 1);
  type(out, 0);
  out.append("XYZ\0", 4);
  header(out, transitions.size(), transitions.size() + 1);
  for (const Transition& transition : transitions) put(out, transition.time, 8);
  for (size_t i = 0; i < transitions.size(); ++i) out += static_cast<char>(i + 1);
  type(out, first_offset_s);
  for (const Transition& transition : transitions) type(out, transition.offset_s);
  out.append("XYZ\0", 4);
  return out + "\n" + std::string(rule) + "\n";
}

constexpr std::string_view kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";

}  // namespace pipit::js::zones
