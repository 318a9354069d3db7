// Ingest: may this publish be stored, and as what? The checks in nats-server's order: size,
// expectations of the publisher, duplicates, rollup. One for each stream, on its reactor; asks the
// store, changes nothing there.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "jetstream/api_errors.h"
#include "jetstream/counter.h"
#include "jetstream/js_clock.h"
#include "jetstream/publish_headers.h"
#include "jetstream/schedule_check.h"
#include "jetstream/skipped_ids.h"
#include "jetstream/stream_counters.h"
#include "jetstream/stream_setup.h"
#include "jetstream/time_zones.h"

namespace pipit::js {

class BatchSoFar;

// A publish on its way into the store. Views hold as long as the message that it came from, or
// this.
struct Publish {
  std::string_view subject, reply, headers, payload;
  PublishHeaders asks;

  enum class Rollup : uint8_t { none, subject, all };
  Rollup rollup = Rollup::none;
  bool by_stream = false;  // the stream itself made it: its headers may say anything
  ScheduleRequest schedule;
  std::string_view id;  // remembered against duplicates
  int64_t ts_ns = 0;
  int64_t expires_ns = 0;                             // as in store::NewMessage
  std::string own_subject, own_headers, own_payload;  // where they had to be changed
  std::optional<CounterState> counter;                // what it brings about
  std::string extra;                                  // of the ack's JSON, from a comma on
  const BatchSoFar* batch = nullptr;                  // what comes before it at the same time
};

struct Verdict {
  enum class Kind : uint8_t {
    store,
    skip,  // nobody is interested: its sequence is taken, the message is not kept
    duplicate,
    refused,
  };
  Kind kind = Kind::store;
  uint64_t seq = 0;  // of the first one, of a duplicate
  ApiError error;    // if it was refused
};

class Ingest {
 public:
  // Both outlive this.
  Ingest(JsClock& clock, TimeZones& zones) : clock_(clock), zones_(zones) {}

  // `publish` may be changed by it: a transformed subject, headers that are not kept.
  // `failures` of Progress: what was known of messages under way holds until there is one more.
  Verdict check(const StreamSetup& setup, Publish& publish, uint64_t failures);

  // The same for a message of another stream, where the origin has judged: nothing is expected, and
  // what is not allowed here is stored all the same. A source's may be a duplicate, a mirror's not.
  enum class Copy : uint8_t { of_mirror, of_source };
  Verdict check_copy(const StreamSetup& setup, Publish& publish, Copy copy, uint64_t failures);

  // It was appended. `failures` of Progress, read before that.
  void stored(const Publish& publish, uint64_t failures) {
    if (publish.id.empty())
      last_id_.clear();
    else
      last_id_.assign(publish.id);
    last_id_at_ = failures;
  }
  // And it has made a counter what it is, or was not kept after all.
  void counted(const Publish& publish) {
    if (publish.counter) counters_.set(publish.subject, *publish.counter);
  }
  void skipped(const Publish& publish, uint64_t seq) {
    if (!publish.id.empty()) skipped_.add(publish.id, seq, publish.ts_ns);
  }

 private:
  Verdict check_headers(const StreamSetup& setup, Publish& publish, uint64_t failures);
  Verdict check_counter(const StreamSetup& setup, Publish& publish, uint64_t failures);
  Verdict check_schedules(const StreamSetup& setup, Publish& publish);
  Verdict find_duplicate(const StreamSetup& setup, const Publish& publish);
  const std::string& last_id(const StreamSetup& setup, uint64_t failures);

  JsClock& clock_;
  TimeZones& zones_;
  StreamCounters counters_;
  SkippedIds skipped_;
  uint64_t random_ = 0x9e3779b97f4a7c15;  // of {{random(n)}}

  // Of the message before, which Nats-Expected-Last-Msg-Id asks for.
  std::string last_id_;
  uint64_t last_id_at_ = UINT64_MAX;  // known at that many failures
};

}  // namespace pipit::js
