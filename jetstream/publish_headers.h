// PublishHeaders: what the headers of a publish ask of JetStream, found in one pass. Names are
// matched exactly and the first of equal ones counts, as in nats-server; values are without the
// blanks before them. Views into the block. A pure function.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipit::js {

enum class PublishHeader : uint8_t {
  msg_id,
  expected_stream,
  expected_last_seq,
  expected_last_subject_seq,
  expected_last_subject_seq_subject,
  expected_last_msg_id,
  rollup,
  ttl,
  incr,
  schedule,
  schedule_next,
  scheduler,
  schedule_target,
  schedule_source,
  schedule_ttl,
  schedule_rollup,
  schedule_time_zone,
  batch_id,
  batch_sequence,
  batch_commit,
  required_api_level,
  marker_reason,
  count_,
};

class PublishHeaders {
 public:
  PublishHeaders() = default;
  explicit PublishHeaders(std::string_view block);

  // Something of the above is there.
  bool any() const { return found_ != 0; }
  bool has(PublishHeader header) const { return (found_ & bit(header)) != 0; }
  // Empty if it is not there, too.
  std::string_view operator[](PublishHeader header) const {
    return has(header) ? values_[static_cast<size_t>(header)] : std::string_view();
  }
  // A decimal number; nothing if it is not there or is none.
  std::optional<uint64_t> number(PublishHeader header) const;

 private:
  static uint32_t bit(PublishHeader header) { return uint32_t{1} << static_cast<uint8_t>(header); }
  uint32_t found_ = 0;
  std::string_view values_[static_cast<size_t>(PublishHeader::count_)];
};

}  // namespace pipit::js
