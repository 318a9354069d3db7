#include "jetstream/api_errors.h"

#include <algorithm>
#include <iterator>

namespace pipit::js {
namespace {

struct Row {
  JsErr err;
  int code;
  std::string_view text;
};

// Sorted by err_code.
constexpr Row kRows[] = {
    {JsErr::account_resources_exceeded, 400, "resource limits exceeded for account"},
    {JsErr::bad_request, 400, "bad request"},
    {JsErr::cluster_required, 503, "JetStream clustering support required"},
    {JsErr::consumer_not_found, 404, "consumer not found"},
    {JsErr::snapshot_deliver_subject_invalid, 400, "deliver subject not valid"},
    {JsErr::external_api_overlap, 400,
     "stream external api prefix {prefix} must not overlap with {subject}"},
    {JsErr::external_delivery_overlap, 400,
     "stream external delivery prefix {prefix} overlaps with stream subject {subject}"},
    {JsErr::insufficient_resources, 503, "insufficient resources"},
    {JsErr::external_delivery_invalid, 400,
     "stream external delivery prefix {prefix} must not contain wildcards"},
    {JsErr::invalid_json, 400, "invalid JSON: {err}"},
    {JsErr::maximum_consumers_limit, 400, "maximum consumers limit reached"},
    {JsErr::maximum_streams_limit, 400, "maximum number of streams reached"},
    {JsErr::memory_resources_exceeded, 500, "insufficient memory resources available"},
    {JsErr::mirror_consumer_setup_failed, 500, "{err}"},
    {JsErr::mirror_max_msg_size_too_big, 400, "stream mirror must have max message size >= source"},
    {JsErr::mirror_with_sources, 400, "stream mirrors can not also contain other sources"},
    {JsErr::mirror_with_subjects, 400, "stream mirrors can not contain subjects"},
    {JsErr::no_message_found, 404, "no message found"},
    {JsErr::not_empty_request, 400, "expected an empty request payload"},
    {JsErr::not_enabled_for_account, 503, "JetStream not enabled for account"},
    {JsErr::sequence_not_found, 400, "sequence {seq} not found"},
    {JsErr::source_consumer_setup_failed, 500, "{err}"},
    {JsErr::source_max_msg_size_too_big, 400, "stream source must have max message size >= target"},
    {JsErr::storage_resources_exceeded, 500, "insufficient storage resources available"},
    {JsErr::stream_create, 500, "{err}"},
    {JsErr::stream_delete, 500, "{err}"},
    {JsErr::stream_general, 500, "{err}"},
    {JsErr::stream_invalid_config, 500, "{err}"},
    {JsErr::message_too_large, 400, "message size exceeds maximum allowed"},
    {JsErr::mirror_not_updatable, 400, "stream mirror configuration can not be updated"},
    {JsErr::stream_mismatch, 400, "stream name in subject does not match request"},
    {JsErr::msg_delete_failed, 500, "{err}"},
    {JsErr::stream_name_exists, 400, "stream name already in use with a different configuration"},
    {JsErr::stream_not_found, 404, "stream not found"},
    {JsErr::stream_not_match, 400, "expected stream does not match"},
    {JsErr::restore_failed, 500, "restore failed: {err}"},
    {JsErr::sequence_not_match, 503, "expected stream sequence does not match"},
    {JsErr::snapshot_failed, 500, "snapshot failed: {err}"},
    {JsErr::subject_overlap, 400, "subjects overlap with an existing stream"},
    {JsErr::stream_update, 500, "{err}"},
    {JsErr::wrong_last_msg_id, 400, "wrong last msg ID: {id}"},
    {JsErr::wrong_last_sequence, 400, "wrong last sequence: {seq}"},
    {JsErr::replicas_not_supported, 500, "replicas > 1 not supported in non-clustered mode"},
    {JsErr::not_enabled, 503, "JetStream not enabled"},
    {JsErr::store_failed, 503, "{err}"},
    {JsErr::headers_too_large, 400, "header size exceeds maximum allowed of 64k"},
    {JsErr::sealed, 400, "invalid operation on sealed stream"},
    {JsErr::purge_failed, 500, "{err}"},
    {JsErr::rollup_failed, 500, "{err}"},
    {JsErr::max_bytes_required, 400, "account requires a stream config to have max bytes set"},
    {JsErr::info_max_subjects, 500, "subject details would exceed maximum allowed"},
    {JsErr::no_limits, 400, "no JetStream default or applicable tiered limit present"},
    {JsErr::max_stream_bytes_exceeded, 400,
     "stream max bytes exceeds account limit max stream bytes"},
    {JsErr::name_contains_path_separators, 400, "Stream name can not contain path separators"},
    {JsErr::name_exists_restore_failed, 400, "stream name already in use, cannot restore"},
    {JsErr::replicas_negative, 400, "replicas count cannot be negative"},
    {JsErr::source_duplicate, 400, "duplicate source configuration detected"},
    {JsErr::source_invalid_name, 400, "sourced stream name is invalid"},
    {JsErr::mirror_invalid_name, 400, "mirrored stream name is invalid"},
    {JsErr::mirror_with_first_seq, 400, "stream mirrors can not have first sequence configured"},
    {JsErr::source_multiple_filters, 400,
     "source with multiple subject transforms cannot also have a single subject filter"},
    {JsErr::source_invalid_filter, 400, "source transform source: {err}"},
    {JsErr::source_invalid_destination, 400, "source transform: {err}"},
    {JsErr::source_overlapping_filters, 400, "source filters can not overlap"},
    {JsErr::mirror_multiple_filters, 400,
     "mirror with multiple subject transforms cannot also have a single subject filter"},
    {JsErr::mirror_invalid_filter, 400, "mirror transform source: {err}"},
    {JsErr::mirror_overlapping_filters, 400, "mirror subject filters can not overlap"},
    {JsErr::mirror_invalid_destination, 400, "mirror transform: {err}"},
    {JsErr::transform_invalid_source, 400, "stream transform source: {err}"},
    {JsErr::transform_invalid_destination, 400, "stream transform: {err}"},
    {JsErr::pedantic, 400, "pedantic mode: {err}"},
    {JsErr::duplicate_in_process, 409, "duplicate message id is in process"},
    {JsErr::wrong_last_sequence_constant, 400, "wrong last sequence"},
    {JsErr::ttl_invalid, 400, "invalid per-message TTL"},
    {JsErr::ttl_disabled, 400, "per-message TTL is disabled"},
    {JsErr::too_many_requests, 429, "too many requests"},
    {JsErr::incr_disabled, 400, "message counters is disabled"},
    {JsErr::incr_missing, 400, "message counter increment is missing"},
    {JsErr::incr_payload, 400, "message counter has payload"},
    {JsErr::incr_invalid, 400, "message counter increment is invalid"},
    {JsErr::counter_broken, 400, "message counter is broken"},
    {JsErr::mirror_with_counters, 400, "stream mirrors can not also calculate counters"},
    {JsErr::atomic_disabled, 400, "atomic publish is disabled"},
    {JsErr::atomic_missing_seq, 400, "atomic publish sequence is missing"},
    {JsErr::atomic_incomplete, 400, "atomic publish batch is incomplete"},
    {JsErr::atomic_unsupported_header, 400, "atomic publish unsupported header used: {header}"},
    {JsErr::atomic_invalid_id, 400, "atomic publish batch ID is invalid"},
    {JsErr::required_api_level, 412, "JetStream minimum api level required"},
    {JsErr::mirror_with_schedules, 400, "stream mirrors can not also schedule messages"},
    {JsErr::source_with_schedules, 400, "stream source can not also schedule messages"},
    {JsErr::schedules_disabled, 400, "message schedules is disabled"},
    {JsErr::schedules_pattern_invalid, 400, "message schedules pattern is invalid"},
    {JsErr::schedules_target_invalid, 400, "message schedules target is invalid"},
    {JsErr::schedules_ttl_invalid, 400, "message schedules invalid per-message TTL"},
    {JsErr::schedules_rollup_invalid, 400, "message schedules invalid rollup"},
    {JsErr::missing_last_subject_sequence, 400,
     "missing sequence for expected last sequence per subject"},
    {JsErr::stream_offline_reason, 500, "stream is offline: {err}"},
    {JsErr::mirror_with_atomic, 400, "stream mirrors can not also use atomic publishing"},
    {JsErr::atomic_too_large, 400, "atomic publish batch is too large: {size}"},
    {JsErr::atomic_invalid_commit, 400, "atomic publish batch commit is invalid"},
    {JsErr::atomic_duplicate_id, 400, "atomic publish batch contains duplicate message id"},
    {JsErr::schedules_source_invalid, 400, "message schedules source is invalid"},
    {JsErr::batch_disabled, 400, "batch publish is disabled"},
    {JsErr::batch_invalid_pattern, 400, "batch publish pattern is invalid"},
    {JsErr::batch_invalid_id, 400, "batch publish ID is invalid"},
    {JsErr::batch_unknown_id, 400, "batch publish ID unknown"},
    {JsErr::mirror_with_batched, 400, "stream mirrors can not also use batch publishing"},
    {JsErr::atomic_too_many, 429, "atomic publish too many inflight"},
    {JsErr::batch_too_many, 429, "batch publish too many inflight"},
    {JsErr::schedules_scheduler_invalid, 400, "message schedules invalid scheduler"},
    {JsErr::mirror_consumer_invalid, 400, "stream mirror consumer config is invalid"},
    {JsErr::mirror_consumer_requires_fc, 400,
     "stream mirror consumer requires flow control ack policy"},
    {JsErr::source_consumer_invalid, 400, "stream source consumer config is invalid"},
    {JsErr::source_consumer_duplicate, 400, "duplicate stream source consumer detected"},
    {JsErr::source_consumer_requires_fc, 400,
     "stream source consumer requires flow control ack policy"},
    {JsErr::schedules_time_zone_invalid, 400, "message schedules time zone is invalid"},
};

static_assert(std::ranges::is_sorted(kRows, {}, &Row::err));

}  // namespace

ApiError api_error(JsErr e, std::initializer_list<std::string_view> values) {
  const auto* const row = std::ranges::lower_bound(kRows, e, {}, &Row::err);
  ApiError error{500, static_cast<uint16_t>(e), {}};
  if (row == std::end(kRows) || row->err != e) return error;
  error.code = row->code;
  std::string_view text = row->text;
  for (const std::string_view value : values) {
    const size_t open = text.find('{');
    const size_t close = text.find('}', open);
    if (open == std::string_view::npos || close == std::string_view::npos) break;
    error.description += text.substr(0, open);
    error.description += value;
    text.remove_prefix(close + 1);
  }
  error.description += text;
  return error;
}

void write_api_error(proto::JsonWriter& json, const ApiError& error) {
  json.begin_object().field("code", error.code);
  if (error.err_code != 0) json.field("err_code", uint32_t{error.err_code});
  if (!error.description.empty()) json.field("description", error.description);
  json.end_object();
}

}  // namespace pipit::js
