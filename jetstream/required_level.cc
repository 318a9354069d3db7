#include "jetstream/required_level.h"

#include <charconv>

#include "jetstream/settings.h"
#include "protocol/headers.h"

namespace pipit::js {

bool requires_higher_level(std::string_view headers) {
  if (headers.empty()) return false;
  auto level = proto::header_value(headers, "Nats-Required-Api-Level");
  if (!level || level->empty()) return false;
  if (level->front() == '+') level->remove_prefix(1);
  int64_t wanted = 0;
  const char* const end = level->data() + level->size();
  const auto [stop, status] = std::from_chars(level->data(), end, wanted);
  return status != std::errc() || stop != end || wanted > kApiLevel;
}

}  // namespace pipit::js
