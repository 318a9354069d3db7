#include "jetstream/time_zones.h"

namespace pipit::js {

const TimeZone* TimeZones::find(std::string_view name) {
  if (const auto found = zones_.find(name); found != zones_.end()) return found->second.get();
  if (!is_time_zone_name(name)) return nullptr;
  std::optional<TimeZone> zone;
  if (name == "UTC")
    zone.emplace();
  else
    zone = TimeZone::parse(read_(name));
  // What is not there is not remembered, so that clients cannot fill the memory with names.
  if (!zone) return nullptr;
  return zones_.emplace(name, std::make_unique<const TimeZone>(std::move(*zone)))
      .first->second.get();
}

}  // namespace pipit::js
