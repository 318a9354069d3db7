// Schedules: the message schedules (ADR-51) of one stream at work: which is due next, and the
// message that it sends then.
//
// When a schedule is due stands in a stream of its own beside the stream's, one message for each
// schedule, which "expires" at that time. So schedules survive restarts, and cost no memory however
// many there are. An entry whose schedule was replaced, deleted or purged meanwhile is found out
// when it is due. On the stream's reactor; times are the system's wall clock, as a schedule means a
// time of the day.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/schedule.h"
#include "jetstream/stream_setup.h"
#include "jetstream/time_zones.h"

namespace pipit::js {

class Schedules {
 public:
  // What the name of the stream beside has behind that of the stream in the store; no stream of a
  // client is called so.
  static constexpr std::string_view kSuffix = " schedules";
  // [worker] Finds or makes it, for a stream that allows schedules, and fills in `setup`.
  // `stream_name` as in the store. What the first schedule waits for comes later in the log.
  static Result<void> open(StreamSetup& setup, const std::string& stream_name);

  enum class Sent : uint8_t {
    stored,
    refused,
    later,  // there is no room just now
  };
  // Where the messages of schedules go. What they purge goes with them.
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual Sent send(std::string_view subject, std::string_view headers,
                      std::string_view payload) = 0;
  };

  explicit Schedules(TimeZones& zones) : zones_(zones) {}

  // When to run(); 0: nothing will be due.
  int64_t next_ns() const { return next_ns_; }
  // The schedule on `subject` was stored as `seq` and is due `at_ns`. The ticket of the entry; 0:
  // the store has no room for it just now, it is noted later.
  store::Ticket stored(const StreamSetup& setup, std::string_view subject, uint64_t seq,
                       int64_t at_ns);
  // A message that is none was stored there: it ends the schedule.
  void replaced(const StreamSetup& setup, std::string_view subject);
  void look_again(int64_t at_ns) { next_ns_ = at_ns; }
  // Sends what is due, a bounded amount; the rest is due next.
  void run(const StreamSetup& setup, int64_t now_ns, Sink& sink);

 private:
  // Of the stream beside: when a schedule is due.
  struct Entry {
    uint64_t at = 0;  // its sequence there
    std::string subject;
    uint64_t seq = 0;  // the schedule's
    int64_t due_ns = 0;

    static std::string text(uint64_t seq, int64_t due_ns);
    // A text that is none gives a sequence that no message has.
    static Entry of(const store::StoredMessage& message);
  };

  bool fire(const StreamSetup& setup, const Entry& entry, int64_t now_ns, Sink& sink);
  Sent send(const StreamSetup& setup, const store::StoredMessage& schedule, std::string_view next,
            Sink& sink);

  bool note_waiting(const StreamSetup& setup);

  TimeZones& zones_;
  int64_t next_ns_ = 0;
  std::vector<Entry> waiting_;  // for room in the store
};

}  // namespace pipit::js
