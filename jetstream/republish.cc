#include "jetstream/republish.h"

#include "protocol/headers.h"

namespace pipit::js {

std::string republish_headers(std::string_view stream, std::string_view subject,
                              std::string_view headers, size_t payload_size, bool headers_only,
                              const StoredPlace& place) {
  std::string block(headers.empty() ? proto::kHeaderBegin : headers);
  block.resize(block.size() - proto::kHeaderEnd.size());
  const auto add = [&block](std::string_view name, std::string_view value) {
    block.append(name).append(": ").append(value).append(proto::kHeaderEnd);
  };
  add("Nats-Stream", stream);
  add("Nats-Subject", subject);
  add("Nats-Sequence", std::to_string(place.seq));
  add("Nats-Time-Stamp", format_unix_ns(place.ts_ns));
  add("Nats-Last-Sequence", std::to_string(place.last_seq));
  if (headers_only) add("Nats-Msg-Size", std::to_string(payload_size));
  block.append(proto::kHeaderEnd);
  return block;
}

}  // namespace pipit::js
