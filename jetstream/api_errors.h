// The errors that JetStream answers with: an err_code that clients branch on, an HTTP-like code and
// a sentence. Numbers and texts are nats-server's (its errors.json, 2.14), as clients compare both.
//
// One table holds them all; a new error is one line there and one name here. Pure data: any thread.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "protocol/json_writer.h"

namespace pipit::js {

// The value is the err_code. Placeholders of the text, in order, in the comment.
enum class JsErr : uint16_t {
  // Any request.
  bad_request = 10003,
  cluster_required = 10010,
  invalid_json = 10025,  // err
  not_empty_request = 10038,
  not_enabled_for_account = 10039,
  not_enabled = 10076,
  required_api_level = 10185,
  pedantic = 10157,  // err

  // Limits of accounts and of the server.
  account_resources_exceeded = 10002,
  insufficient_resources = 10023,
  maximum_consumers_limit = 10026,
  maximum_streams_limit = 10027,
  memory_resources_exceeded = 10028,
  storage_resources_exceeded = 10047,
  max_bytes_required = 10113,
  no_limits = 10120,
  max_stream_bytes_exceeded = 10122,

  // Streams as a whole.
  no_message_found = 10037,
  sequence_not_found = 10043,     // seq
  stream_create = 10049,          // err
  stream_delete = 10050,          // err
  stream_general = 10051,         // err
  stream_invalid_config = 10052,  // err
  mirror_not_updatable = 10055,
  stream_mismatch = 10056,
  msg_delete_failed = 10057,  // err
  stream_name_exists = 10058,
  stream_not_found = 10059,
  restore_failed = 10062,   // err
  snapshot_failed = 10064,  // err
  subject_overlap = 10065,
  stream_update = 10069,  // err
  replicas_not_supported = 10074,
  sealed = 10109,
  purge_failed = 10110,  // err
  name_contains_path_separators = 10128,
  name_exists_restore_failed = 10130,
  replicas_negative = 10133,
  stream_offline_reason = 10194,  // err
  snapshot_deliver_subject_invalid = 10015,
  info_max_subjects = 10117,

  // Mirrors, sources, transforms.
  external_api_overlap = 10021,          // prefix, subject
  external_delivery_overlap = 10022,     // prefix, subject
  external_delivery_invalid = 10024,     // prefix
  mirror_consumer_setup_failed = 10029,  // err
  mirror_max_msg_size_too_big = 10030,
  mirror_with_sources = 10031,
  mirror_with_subjects = 10034,
  source_consumer_setup_failed = 10045,  // err
  source_max_msg_size_too_big = 10046,
  source_duplicate = 10140,
  source_invalid_name = 10141,
  mirror_invalid_name = 10142,
  mirror_with_first_seq = 10143,
  source_multiple_filters = 10144,
  source_invalid_filter = 10145,       // err
  source_invalid_destination = 10146,  // err
  source_overlapping_filters = 10147,
  mirror_multiple_filters = 10150,
  mirror_invalid_filter = 10151,  // err
  mirror_overlapping_filters = 10152,
  mirror_invalid_destination = 10154,     // err
  transform_invalid_source = 10155,       // err
  transform_invalid_destination = 10156,  // err
  mirror_with_counters = 10173,
  mirror_with_schedules = 10186,
  source_with_schedules = 10187,
  mirror_with_atomic = 10198,
  mirror_with_batched = 10209,
  mirror_consumer_invalid = 10213,
  mirror_consumer_requires_fc = 10214,
  source_consumer_invalid = 10215,
  source_consumer_duplicate = 10216,
  source_consumer_requires_fc = 10217,

  // Publishing.
  message_too_large = 10054,
  stream_not_match = 10060,
  sequence_not_match = 10063,
  wrong_last_msg_id = 10070,    // id
  wrong_last_sequence = 10071,  // seq
  store_failed = 10077,         // err
  headers_too_large = 10097,
  rollup_failed = 10111,  // err
  duplicate_in_process = 10158,
  wrong_last_sequence_constant = 10164,
  ttl_invalid = 10165,
  ttl_disabled = 10166,
  too_many_requests = 10167,
  incr_disabled = 10168,
  incr_missing = 10169,
  incr_payload = 10170,
  incr_invalid = 10171,
  counter_broken = 10172,
  atomic_disabled = 10174,
  atomic_missing_seq = 10175,
  atomic_incomplete = 10176,
  atomic_unsupported_header = 10177,  // header
  atomic_invalid_id = 10179,
  schedules_disabled = 10188,
  schedules_pattern_invalid = 10189,
  schedules_target_invalid = 10190,
  schedules_ttl_invalid = 10191,
  schedules_rollup_invalid = 10192,
  missing_last_subject_sequence = 10193,
  atomic_too_large = 10199,  // size
  atomic_invalid_commit = 10200,
  atomic_duplicate_id = 10201,
  schedules_source_invalid = 10203,
  batch_disabled = 10205,
  batch_invalid_pattern = 10206,
  batch_invalid_id = 10207,
  batch_unknown_id = 10208,
  atomic_too_many = 10210,
  batch_too_many = 10211,
  schedules_scheduler_invalid = 10212,
  schedules_time_zone_invalid = 10223,

  // Consumers, as far as requests of streams meet them.
  consumer_not_found = 10014,
};

struct ApiError {
  int code = 0;           // like an HTTP status
  uint16_t err_code = 0;  // 0: none, and then it is not printed
  std::string description;

  bool operator==(const ApiError&) const = default;
  bool is(JsErr e) const { return err_code == static_cast<uint16_t>(e); }
};

// The error with its placeholders, in order, replaced by `values`. A placeholder without a value
// stays as it is.
ApiError api_error(JsErr e, std::initializer_list<std::string_view> values = {});
inline ApiError api_error(JsErr e, std::string_view value) { return api_error(e, {value}); }

// The object {"code":..,"err_code":..,"description":..}.
void write_api_error(proto::JsonWriter& json, const ApiError& error);

}  // namespace pipit::js
