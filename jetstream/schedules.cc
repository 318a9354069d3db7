#include "jetstream/schedules.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "jetstream/publish_headers.h"
#include "jetstream/rfc3339.h"
#include "protocol/header_edit.h"

namespace pipit::js {
namespace {

using Header = PublishHeader;

// What falls due one after another goes together, this often; also how soon that is tried again
// which the disk has not got yet.
constexpr int64_t kPauseNs = 100'000'000;
constexpr size_t kPerTurn = 64;

// As nats-server prints it: in the zone of the schedule.
std::string next_text(const ScheduleTime& next, const TimeZone* zone) {
  if (!next.repeats) return "purge";
  Timestamp time = timestamp_utc(next.at_ns);
  if (zone != nullptr) time.utc_offset_s = zone->at(time.seconds).utc_offset_s;
  return format_rfc3339(time);
}

}  // namespace

std::string Schedules::Entry::text(uint64_t seq, int64_t due_ns) {
  return std::to_string(seq) + ' ' + std::to_string(due_ns);
}

Schedules::Entry Schedules::Entry::of(const store::StoredMessage& message) {
  Entry entry{message.seq, message.subject, 0, 0};
  const std::string_view text = message.payload;
  const char* const end = text.data() + text.size();
  const auto [blank, status] = std::from_chars(text.data(), end, entry.seq);
  if (status == std::errc() && blank != end) std::from_chars(blank + 1, end, entry.due_ns);
  return entry;
}

Result<void> Schedules::open(StreamSetup& setup, const std::string& stream_name) {
  if (!setup.config.allow_msg_schedules || setup.schedules != 0) return {};
  const std::string name = stream_name + std::string(kSuffix);
  for (const auto& [id, other] : setup.store->streams())
    if (other == name) {
      setup.schedules = id;
      return {};
    }
  store::StreamSettings settings;
  settings.max_msgs_per_subject = 1;
  settings.async = setup.config.persist_mode == PersistMode::async;
  const auto made = setup.store->create_stream(name, settings, 1, setup.schedules);
  if (!made) return made.error();
  return {};
}

store::Ticket Schedules::stored(const StreamSetup& setup, std::string_view subject, uint64_t seq,
                                int64_t at_ns) {
  const std::string text = Entry::text(seq, at_ns);
  store::NewMessage message;
  message.subject = subject;
  message.payload = text;
  message.expires_ns = std::clamp(at_ns, int64_t{1}, store::kNeverExpires - 1);
  const auto appended = setup.store->append(setup.schedules, message);
  if (!appended) {
    replaced(setup, subject);
    waiting_.push_back({0, std::string(subject), seq, at_ns});
    next_ns_ = 1;
    return 0;
  }
  if (next_ns_ == 0 || at_ns < next_ns_) next_ns_ = message.expires_ns;
  return appended.value().through;
}

void Schedules::replaced(const StreamSetup& setup, std::string_view subject) {
  const auto entry = setup.store->find_last(setup.schedules, subject);
  if (entry && entry.value() > 0)
    (void)setup.store->remove(setup.schedules, {entry.value(), entry.value()}, false);
}

// False: some still wait.
bool Schedules::note_waiting(const StreamSetup& setup) {
  for (const Entry& entry : std::exchange(waiting_, {})) {
    const auto newest = setup.store->find_last(setup.id, entry.subject);
    if (!newest || newest.value() == entry.seq)
      stored(setup, entry.subject, entry.seq, entry.due_ns);
  }
  return waiting_.empty();
}

void Schedules::run(const StreamSetup& setup, int64_t now_ns, Sink& sink) {
  const bool noted = note_waiting(setup);
  const auto due = setup.store->due(setup.schedules, now_ns, kPerTurn);
  bool all = due.ok() && noted;
  std::vector<Entry> entries;
  for (const store::Due& each : due ? due.value() : std::vector<store::Due>()) {
    const auto kept = setup.store->read(setup.schedules, each.seq);
    if (kept) {
      entries.push_back(Entry::of(kept.value()));
    } else if (kept.error().code == Errc::io) {
      // Damaged: it is due, and whose it is the index says.
      const auto newest = setup.store->find_last(setup.id, each.subject);
      entries.push_back({each.seq, each.subject, newest ? newest.value() : 0, now_ns});
    } else {
      all = false;  // under way
    }
  }
  // Schedules that are due together run in the order in which they were published.
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.seq < b.seq; });
  for (const Entry& entry : entries)
    if (!fire(setup, entry, now_ns, sink)) all = false;
  const auto next = setup.store->next_due(setup.schedules);
  if (!all || !next || !waiting_.empty()) return look_again(now_ns + kPauseNs);
  next_ns_ = next.value() == 0 ? 0 : std::max(next.value(), now_ns + kPauseNs);
}

// False: to be tried again.
bool Schedules::fire(const StreamSetup& setup, const Entry& entry, int64_t now_ns, Sink& sink) {
  const auto done = [&] {
    (void)setup.store->remove(setup.schedules, {entry.at, entry.at}, false);
    return true;
  };
  const auto newest = setup.store->find_last(setup.id, entry.subject);
  if (!newest) return false;
  if (newest.value() != entry.seq) return done();
  const auto schedule = setup.store->read(setup.id, entry.seq);
  if (!schedule) return schedule.error().code == Errc::io ? done() : false;
  const PublishHeaders asks(schedule.value().headers);
  const TimeZone* zone = nullptr;
  if (asks.has(Header::schedule_time_zone)) {
    zone = zones_.find(asks[Header::schedule_time_zone]);
    if (zone == nullptr) return done();
  }
  if (asks[Header::schedule].empty()) return done();
  const auto next = next_schedule(asks[Header::schedule], zone, entry.due_ns, now_ns);
  if (!next) return done();
  const Sent sent = send(setup, schedule.value(), next_text(*next, zone), sink);
  if (sent == Sent::later) return false;
  // A stream that does not take the message now may take the next one.
  if (!next->repeats) return done();
  stored(setup, entry.subject, entry.seq, next->at_ns);
  return true;
}

// What the schedule's target gets: the message of the schedule, or the last one of its source,
// without what was meant for the schedule itself.
Schedules::Sent Schedules::send(const StreamSetup& setup, const store::StoredMessage& schedule,
                                std::string_view next, Sink& sink) {
  const PublishHeaders asks(schedule.headers);
  std::string headers = schedule.headers, payload = schedule.payload;
  if (const std::string_view source = asks[Header::schedule_source]; !source.empty())
    if (auto last = setup.store->last(setup.id, source)) {
      headers = std::move(last.value().headers);
      payload = std::move(last.value().payload);
    }
  for (const std::string_view prefix : {"Nats-Schedule", "Nats-Expected-"})
    proto::remove_headers_beginning(headers, prefix);
  for (const std::string_view name : {"Nats-Msg-Id", "Nats-TTL", "Nats-Rollup"})
    proto::remove_header(headers, name);
  proto::append_header(headers, "Nats-Scheduler", schedule.subject);
  proto::append_header(headers, "Nats-Schedule-Next", next);
  if (const std::string_view ttl = asks[Header::schedule_ttl]; !ttl.empty())
    proto::append_header(headers, "Nats-TTL", ttl);
  if (const std::string_view rollup = asks[Header::schedule_rollup]; !rollup.empty())
    proto::append_header(headers, "Nats-Rollup", rollup);
  return sink.send(asks[Header::schedule_target], headers, payload);
}

}  // namespace pipit::js
