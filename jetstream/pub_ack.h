// What a publisher gets: {"stream":"S","seq":7}, {"stream":"S","seq":7,"duplicate": true}, or
// {"error":{...},"stream":"S","seq":0}. Bytes as nats-server 2.14 writes them. Pure functions, but
// for the prefix that a stream's acks have in common.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "jetstream/api_errors.h"

namespace pipit::js {

class PubAckWriter {
 public:
  PubAckWriter(std::string_view stream, std::string_view domain);

  // `extra` follows the sequence: empty, or from a comma on. The view holds until the next call.
  std::string_view success(uint64_t seq, std::string_view extra = {});
  std::string_view error(const ApiError& error);

  static constexpr std::string_view kDuplicate = ",\"duplicate\": true";

 private:
  std::string text_;  // begins with the prefix, always
  std::string error_;
  std::string stream_;
  size_t prefix_ = 0;
};

}  // namespace pipit::js
