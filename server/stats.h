// Stats: plain copies of what a reactor knows, made on its thread and read by monitoring elsewhere.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pipit {

// `internal`: the server's own end, which is no client's.
enum class Wire : uint8_t { tcp, websocket, inproc, internal };

struct Traffic {
  uint64_t in_msgs = 0, in_bytes = 0, out_msgs = 0, out_bytes = 0;

  Traffic& operator+=(const Traffic& other) {
    in_msgs += other.in_msgs;
    in_bytes += other.in_bytes;
    out_msgs += other.out_msgs;
    out_bytes += other.out_bytes;
    return *this;
  }
};

struct SubscriptionSnapshot {
  std::string subject, queue, sid;
  uint64_t delivered = 0, max = 0, cid = 0;
};

struct ConnectionSnapshot {
  uint64_t cid = 0;
  Wire wire = Wire::tcp;
  std::string ip, forwarded_for;
  uint16_t port = 0;
  // Nanoseconds since the Unix epoch; stop is 0 while open.
  int64_t start_ns = 0, last_activity_ns = 0, stop_ns = 0;
  std::string_view reason;  // static text, empty while open
  int64_t rtt_ns = 0;
  uint64_t pending_bytes = 0, stalls = 0, subscriptions = 0;
  Traffic traffic;
  std::string name, lang, version, user;
  std::string tls_version, tls_cipher_suite;  // empty: no TLS
  bool tls_first = false;
  std::vector<SubscriptionSnapshot> subscriptions_list;

  // Memory that it takes, roughly.
  size_t bytes() const {
    size_t sum = sizeof(*this) + ip.size() + forwarded_for.size() + name.size() + lang.size() +
                 version.size() + user.size();
    for (const SubscriptionSnapshot& sub : subscriptions_list)
      sum += sizeof(sub) + sub.subject.size() + sub.queue.size() + sub.sid.size();
    return sum;
  }
};

struct ReactorSnapshot {
  Traffic traffic;  // of all connections since start
  uint64_t connections = 0;
  uint64_t slow_consumers = 0, stale_connections = 0, stalled_clients = 0;
  uint64_t cache_lookups = 0, cache_hits = 0, cache_entries = 0;
  uint64_t matches = 0, fanout_sum = 0, fanout_max = 0;
  std::vector<ConnectionSnapshot> open, closed;  // as asked for
};

struct SnapshotRequest {
  bool open = false, closed = false, subscriptions = false;
};

}  // namespace pipit
