// Expiry: what the time runs out for in one stream: by max_age, by a Nats-TTL (ADR-43). Keeps when
// the next message is due, so that a publish costs a comparison, and removes what is.
//
// One for each stream, on its reactor. The store knows which messages are due; here is when to ask
// and what takes their place: a delete marker after the last message of a subject, if the stream
// has subject_delete_marker_ttl.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>

#include "jetstream/stream_setup.h"

namespace pipit::js {

class Expiry {
 public:
  // Stores a message of no publisher. False: the stream takes none just now.
  using Append = std::function<bool(std::string_view subject, std::string_view headers)>;

  // Nothing goes sooner after it came, whatever its TTL; as on nats-server.
  static constexpr int64_t kSoonestNs = 250'000'000;

  // When to run(); not too late for anything. 0: nothing will be due.
  int64_t next_ns() const { return next_ns_; }
  // A message was appended; `expires_ns` as in store::NewMessage.
  void appended(const StreamSetup& setup, int64_t ts_ns, int64_t expires_ns) {
    if (expires_ns == store::kNeverExpires) return;
    int64_t at = expires_ns;
    if (const int64_t age = setup.config.max_age_ns; age > 0 && (at == 0 || ts_ns < at - age))
      at = ts_ns + age;
    if (at == 0) return;
    at = std::max(at, ts_ns + kSoonestNs);
    if (next_ns_ == 0 || at < next_ns_) next_ns_ = at;
  }
  // Settings have changed, or what was known of messages may be wrong.
  void look_again(int64_t at_ns) { next_ns_ = at_ns; }
  // Removes what is due, a bounded amount; the rest is due next.
  void run(const StreamSetup& setup, int64_t now_ns, const Append& append);

 private:
  int64_t next_ns_ = 0;
};

// Before the stream opens: everything that ran out while nobody looked. A stream with delete
// markers keeps it for its first turn.
void expire_all(const StreamSetup& setup, int64_t now_ns);

}  // namespace pipit::js
