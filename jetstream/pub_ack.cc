#include "jetstream/pub_ack.h"

#include <charconv>

#include "protocol/json_writer.h"

namespace pipit::js {

PubAckWriter::PubAckWriter(std::string_view stream, std::string_view domain) : stream_(stream) {
  proto::JsonWriter json(text_);
  json.begin_object().field("stream", stream);
  if (!domain.empty()) json.field("domain", domain);
  text_ += ",\"seq\":";
  prefix_ = text_.size();
}

std::string_view PubAckWriter::success(uint64_t seq, std::string_view extra) {
  char digits[20];
  const auto [end, status] = std::to_chars(digits, digits + sizeof digits, seq);
  text_.resize(prefix_);
  text_.append(digits, static_cast<size_t>(end - digits));
  text_.append(extra);
  text_ += '}';
  return text_;
}

std::string_view PubAckWriter::error(const ApiError& error) {
  error_.clear();
  proto::JsonWriter json(error_);
  json.begin_object().key("error");
  write_api_error(json, error);
  json.field("stream", stream_).field("seq", 0);
  json.end_object();
  return error_;
}

}  // namespace pipit::js
