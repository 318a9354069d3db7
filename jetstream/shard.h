// Shard: what JetStream keeps on one reactor: the streams that live there, and the publishes that
// wait for the disk. All acknowledgements of a turn leave together at its end.
//
// Owned by the Manager, used on its reactor; progress() is for the store's thread. When the reactor
// closes, host() is null from then on and streams refuse everything.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "jetstream/ack_queue.h"
#include "jetstream/atomic_batches.h"
#include "jetstream/host.h"
#include "jetstream/js_clock.h"
#include "jetstream/progress.h"
#include "jetstream/settings.h"
#include "jetstream/stream_setup.h"
#include "jetstream/time_zones.h"

namespace pipit::js {

class DirectReader;
class Stream;

class Shard final : public Guest {
 public:
  Shard(const Settings& settings, JsClock& clock, DirectReader& reader, size_t home);
  ~Shard() override;

  // Before the reactor runs.
  void move_in(Host& host) { host_ = &host; }
  Host* host() { return host_; }
  const Settings& settings() const { return settings_; }
  JsClock& clock() { return clock_; }
  TimeZones& zones() { return zones_; }
  DirectReader& reader() { return reader_; }
  BatchRoom& batch_room() { return batch_room_; }
  size_t home() const { return home_; }  // its number

  // The stream begins to listen. False: a subject was refused; it has not begun.
  bool open(SetupRef setup);
  void update(const SetupRef& setup);
  // It listens no more, and is gone when its last publish was answered.
  void close(const std::string& name);
  Stream* find(const std::string& name);

  // [store thread] For what was appended to the store on disk.
  Progress& progress() { return progress_; }

  // For Stream: an append that waits.
  void wait(AckWhen when, const PendingAck& ack, const AckTexts& texts);

  // For Stream: its tend() is called by that time of the clock; 0: it need not be.
  void tend_at(int64_t wall_ns);
  // For Stream: a stream in memory has something new, which no store's thread will tell of.
  void changed() { changed_ = true; }
  // Before the reactor runs: who is told so, once a turn.
  void tell_changes(std::function<void()> tell) { tell_changes_ = std::move(tell); }
  // For Stream: does another one copy this message? Before the reactor runs: who knows.
  using Wants = std::function<bool(std::string_view stream, std::string_view subject)>;
  bool is_wanted(std::string_view stream, std::string_view subject) const {
    return wants_ && wants_(stream, subject);
  }
  void ask_wants(Wants wants) { wants_ = std::move(wants); }

  // Guest
  void turn() override;
  void closed() override;

 private:
  void settle();
  void release(AckQueue& queue, store::Ticket through, const std::vector<FailedTickets>& failed);
  void bury();
  void tend();

  const Settings& settings_;
  JsClock& clock_;
  TimeZones zones_;
  DirectReader& reader_;
  const size_t home_;
  Host* host_ = nullptr;
  BatchRoom batch_room_;
  std::vector<std::unique_ptr<Stream>> streams_, closing_;
  AckQueue durable_, written_;
  Progress progress_;
  bool waits_ = false;
  int64_t tend_at_ns_ = 0;  // 0: nothing is planned
  uint64_t failures_ = 0;   // that streams know of
  bool changed_ = false;
  std::function<void()> tell_changes_;
  Wants wants_;
};

}  // namespace pipit::js
