// Settings: what JetStream as a whole is told at start. Plain values, immutable.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pipit::js {

// The highest API level of which everything on streams is built. Clients ask by it what they may
// use; requests that need more are refused.
inline constexpr int kApiLevel = 2;

struct Settings {
  std::string account = "$G";
  std::string domain;
  std::string server_name, server_id, server_version;
  std::string folder;  // of JetStream; the store lies in one of its own there
  bool sync_always = true;
  int64_t sync_interval_ns = 0;
  bool strict = true;
  int64_t max_memory = 0, max_file = 0;  // bytes of all streams
  int64_t duplicate_window_max_ns = 0;   // 0: no limit
  int64_t request_queue_limit = 0;
  int64_t max_buffered_msgs = 0, max_buffered_bytes = 0;  // under way, of one stream
  int64_t max_payload = 0;
  int64_t max_pending = 64 << 20;  // bytes of a batch of messages that is asked for without a limit
  // [any thread] A name that nobody else has: 22 letters and digits.
  std::function<std::string()> new_id;
  // [any thread] A line for the log.
  enum class Say : uint8_t { info, warning, error };
  std::function<void(Say, const std::string&)> log;
  // [any thread] For TimeZones: a zone of the system by its name, which is one (time_zone.h).
  std::function<std::string(std::string_view name)> read_time_zone;
};

}  // namespace pipit::js
