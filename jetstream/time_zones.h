// TimeZones: the system's time zones by name, each read once, when somebody first asks for it. One
// thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "jetstream/time_zone.h"

namespace pipit::js {

class TimeZones {
 public:
  // A zone in its compiled form; empty: there is none of that name.
  using Read = std::function<std::string(std::string_view name)>;

  explicit TimeZones(Read read) : read_(std::move(read)) {}

  // Null: there is none. "UTC" there always is. The pointer holds as long as this.
  const TimeZone* find(std::string_view name);

 private:
  const Read read_;
  std::map<std::string, std::unique_ptr<const TimeZone>, std::less<>> zones_;
};

}  // namespace pipit::js
