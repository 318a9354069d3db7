#include "jetstream/direct_answer.h"

#include <charconv>

#include "jetstream/rfc3339.h"
#include "protocol/headers.h"

namespace pipit::js {
namespace {

void append(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append(proto::kHeaderEnd);
}

void append(std::string& out, std::string_view name, uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  append(out, name, std::string_view(digits, static_cast<size_t>(end - digits)));
}

void append(std::string& out, const BatchPlace& place) {
  append(out, "Nats-Num-Pending", place.pending);
  append(out, "Nats-Last-Sequence", place.last_seq);
}

}  // namespace

void append_direct_headers(std::string& out, std::string_view stream,
                           const store::StoredMessage& message, const BatchPlace* place) {
  std::string_view own = message.headers.empty() ? proto::kHeaderBegin : message.headers;
  own.remove_suffix(own.size() < proto::kHeaderEnd.size() ? 0 : proto::kHeaderEnd.size());
  constexpr size_t kNamesAndNumbers = 200;
  out.reserve(out.size() + own.size() + stream.size() + message.subject.size() + kNamesAndNumbers);
  out.append(own);
  append(out, "Nats-Stream", stream);
  append(out, "Nats-Subject", message.subject);
  append(out, "Nats-Sequence", message.seq);
  append(out, "Nats-Time-Stamp", format_unix_ns(message.ts_ns));
  if (place != nullptr) append(out, *place);
  out.append(proto::kHeaderEnd);
}

std::string status_block(std::string_view status) {
  return "NATS/1.0 " + std::string(status) + "\r\n\r\n";
}

std::string end_of_batch(const BatchPlace& place, std::optional<uint64_t> up_to) {
  std::string block = "NATS/1.0 204 EOB\r\n";
  append(block, place);
  if (up_to) append(block, "Nats-UpTo-Sequence", *up_to);
  return block.append(proto::kHeaderEnd);
}

}  // namespace pipit::js
