#include "server/config_jetstream.h"

#include <array>

#include "protocol/subject.h"
#include "server/config_reader.h"

namespace pipit {
namespace {

// What nats-server knows and Pipit does not have: above all what encrypts must not be ignored.
constexpr std::array<std::string_view, 9> kNotBuilt = {"key",      "ek",      "encryption_key",
                                                       "prev_key", "prev_ek", "prev_encryption_key",
                                                       "cipher",   "tpm",     "meta_compact"};
constexpr std::array<std::string_view, 1> kNotBuiltLimits = {"batch"};

constexpr int64_t kMax = INT64_MAX;

class JetStreamReader : private ConfigReader {
 public:
  JetStreamReader(JetStreamOptions& out, ConfigFaults& faults) : ConfigReader(faults), o_(out) {}
  void value(const ConfigValue& v);

 private:
  void block(const ConfigValue& v);
  void limits(const ConfigValue& v);
  void sync(const ConfigValue& v);

  JetStreamOptions& o_;
};

void JetStreamReader::value(const ConfigValue& v) {
  if (v.type == Type::boolean) {
    o_.enabled = v.boolean;
    return;
  }
  if (v.type == Type::string) {
    const std::string text = lowered(v.text);
    if (text == "enabled" || text == "enable")
      o_.enabled = true;
    else if (text == "disabled" || text == "disable")
      o_.enabled = false;
    else
      error(v.at, "expected \"enabled\" or \"disabled\", found \"" + v.text + "\"");
    return;
  }
  if (expect(v, Type::map)) block(v);
}

// "always", or how often.
void JetStreamReader::sync(const ConfigValue& v) {
  if (v.type == Type::string && lowered(v.text) == "always") {
    o_.sync_always = true;
    return;
  }
  if (v.type == Type::boolean) {
    o_.sync_always = v.boolean;
    return;
  }
  o_.sync_always = false;
  quoted_duration(o_.sync_interval_ns)(v);
  if (o_.sync_interval_ns <= 0) error(v.at, "sync_interval must be positive");
}

void JetStreamReader::limits(const ConfigValue& v) {
  if (!expect(v, Type::map)) return;
  // Of consumers and clusters: known, and without a meaning yet.
  int64_t ignored = 0;
  const Table table = {{"max_ack_pending", integer(ignored, -1, kMax)},
                       {"max_ha_assets", integer(ignored, -1, kMax)},
                       {"max_request_batch", integer(ignored, -1, kMax)},
                       {"duplicate_window", duration(o_.duplicate_window_max_ns)}};
  walk(v, table, kNotBuiltLimits, "jetstream limits");
}

void JetStreamReader::block(const ConfigValue& v) {
  o_.enabled = true;
  const Handler on = boolean(o_.enabled);
  const Handler memory = integer(o_.max_memory_store, -1, kMax);
  const Handler file = integer(o_.max_file_store, -1, kMax);
  const Handler folder = text(o_.store_dir);
  const Handler sync_policy = [this](const ConfigValue& value) { sync(value); };
  int64_t number = 0;
  std::string name;
  // Of clusters: taken and without a meaning here.
  const Handler ignored_number = integer(number, -1, kMax), ignored_text = text(name);
  const Table table = {{"enabled", on},
                       {"enable", on},
                       {"strict", boolean(o_.strict)},
                       {"store_dir", folder},
                       {"storedir", folder},
                       {"store", folder},
                       {"max_memory_store", memory},
                       {"max_mem_store", memory},
                       {"max_mem", memory},
                       {"max_file_store", file},
                       {"max_file", file},
                       {"domain", text(o_.domain)},
                       {"sync_interval", sync_policy},
                       {"sync", sync_policy},
                       {"limits", [this](const ConfigValue& value) { limits(value); }},
                       {"max_buffered_msgs", integer(o_.max_buffered_msgs, 1, kMax)},
                       {"max_buffered_size", integer(o_.max_buffered_size, 1, kMax)},
                       {"request_queue_limit", integer(o_.request_queue_limit, 1, kMax)},
                       {"info_queue_limit", ignored_number},
                       {"max_concurrent_io", ignored_number},
                       {"max_outstanding_catchup", ignored_number},
                       {"max_catchup", ignored_number},
                       {"unique_tag", ignored_text},
                       {"extension_hint", ignored_text}};
  walk(v, table, kNotBuilt, "jetstream");
}

}  // namespace

void read_jetstream(const ConfigValue& v, JetStreamOptions& out, ConfigFaults& faults) {
  JetStreamReader(out, faults).value(v);
}

void validate_jetstream(const Options& options, ConfigFaults& faults) {
  const JetStreamOptions& js = options.jetstream;
  if (!js.enabled) return;
  if (!js.domain.empty() &&
      (!proto::is_valid_literal(js.domain) || proto::count_tokens(js.domain) != 1))
    faults.errors.push_back("invalid domain name: may not contain \".\", \"*\" or \">\"");
  if (js.sync_interval_ns <= 0) faults.errors.push_back("sync_interval must be positive");
}

}  // namespace pipit
