// Endpoint: one end of the broker's traffic, whatever carries it: a Connection (bytes on a wire) or
// an InprocClient (callbacks of this program). What the kinds have in common stands here, once:
// identity, subscriptions in the trie, what may be published and subscribed, echo, auto-unsubscribe,
// limits, counters, and being held back.
//
// Lives on one reactor, in a slot of its table, and is touched by that thread only. Others name it
// by SubRef or Origin. Destroyed by the reactor at the end of the turn in which it finished closing,
// never inside one of its own calls.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "pipit/options.h"
#include "protocol/errors.h"
#include "server/mailbox.h"
#include "protocol/message.h"
#include "server/router/sub_ref.h"
#include "server/stats.h"
#include "server/subscriptions.h"
#include "transport/byte_stream.h"
#include "transport/timer_heap.h"

namespace pipit {

class Reactor;
struct Broker;

// A timer that calls a member function.
template <class T>
class MemberTimer final : public net::Timer {
 public:
  using Fire = void (T::*)();
  MemberTimer(T& owner, Fire fire) : owner_(owner), fire_(fire) {}
  void on_timer(int64_t) override { (owner_.*fire_)(); }

 private:
  T& owner_;
  Fire fire_;
};

enum class Delivered : uint8_t {
  no,       // the subscription is gone, or the publisher's own and echo is off
  yes,
  behind,   // yes, but this subscriber is far behind: hold the publisher back
};

class Endpoint {
 public:
  Endpoint(Reactor& reactor, uint32_t slot, uint64_t cid, Wire wire);
  virtual ~Endpoint();
  Endpoint(const Endpoint&) = delete;

  // One message for the subscription in `ref`. `slab` holds the bytes of `message`. Never calls out:
  // no callback of the program, no publishing.
  virtual Delivered deliver(const router::SubRef& ref, const proto::Message& message,
                            const net::SlabRef& slab, uint64_t origin_cid) = 0;
  // 503 for its request `message` to the subscription in `ref`. False: that is gone.
  virtual bool send_no_responders(const router::SubRef& ref, const proto::Message& message) = 0;
  // A subscriber of what this endpoint publishes is far behind: it pauses for a moment.
  void stall();
  // A mailbox ring is full: it pauses until release_congested().
  void hold_congested() { hold(kHoldCongested); }
  void release_congested() { release(kHoldCongested); }

  // What deliver() left to the end of the turn.
  virtual void flush() = 0;
  void close(proto::CloseReason reason);
  // Lame duck has begun: tells the client, if it understands that.
  virtual void send_lame_duck() = 0;

  uint64_t cid() const { return cid_; }
  uint32_t slot() const { return slot_; }
  bool is_client() const { return wire_ != Wire::internal; }
  bool closing() const { return closing_; }
  // Ends so many of its subscriptions at most. True: none is left. Requires, unless that is so: it is
  // closing.
  bool drop_subscriptions(size_t count = SIZE_MAX);
  size_t subscription_count() const { return subscriptions_.size(); }
  bool no_responders() const { return wants_.no_responders; }
  ConnectionSnapshot snapshot(bool with_subscriptions) const;

  // A publish that is refused for its names; refusal() has the text of the -ERR. nats-server routes
  // gateway replies and its Raft groups under these.
  static bool refused(std::string_view subject, std::string_view reply) {
    return reserved_subject(subject) || (!reply.empty() && reserved_reply(reply));
  }
  static std::string refusal(std::string_view subject, std::string_view reply);
  // Queue groups of this name belong to the server.
  static constexpr std::string_view kSystemQueue = "_sys_";

  // The dirty list's mark.
  bool dirty = false;

 protected:
  // deliver() begins with wanted() and ends with count_out(): in the header, for they are called for
  // every message. Null: the subscription is gone, or the message is the client's own and echo off.
  SubscriptionRecord* wanted(const router::SubRef& ref, uint64_t origin_cid) {
    if (closing_ || (origin_cid == cid_ && !wants_.echo)) return nullptr;
    return subscriptions_.at(ref.sub, ref.generation);
  }
  void count_out(SubscriptionRecord& sub, size_t size, Traffic& total) {
    ++traffic_.out_msgs;
    traffic_.out_bytes += size;
    ++total.out_msgs;
    total.out_bytes += size;
    if (++sub.delivered == sub.max) remove_subscription(sub);
  }
  // Publishing stops here, and goes on.
  virtual void on_held() = 0;
  virtual void on_released() = 0;
  // It is closing: subscriptions are gone. Ends with finish(), now or later.
  virtual void on_close() = 0;
  virtual void on_removed(const SubscriptionRecord&) {}
  virtual size_t pending_bytes() const = 0;
  virtual const net::PeerAddress& peer() const = 0;

  void count_in(size_t size, Traffic& total) {
    ++traffic_.in_msgs;
    traffic_.in_bytes += size;
    ++total.in_msgs;
    total.in_bytes += size;
  }
  // Empty, or why not; also empty if `sid` is in use: then nothing changes.
  std::string subscribe(std::string_view subject, std::string_view queue, std::string_view sid);
  void unsubscribe(SubscriptionRecord& sub, bool has_max, uint64_t max);
  void remove_subscription(SubscriptionRecord& sub);

  // With `pending` bytes to come it is behind, or too slow and closed (no), or fine.
  Delivered judge(size_t pending);
  void slow_consumer(proto::CloseReason reason);
  // Counts it among the broker's connections until finish(). False: one too many.
  bool count_connection();
  // Last call: gone at the end of the turn. Idempotent.
  void finish();
  void hold(uint8_t why);
  void release(uint8_t why);
  bool held() const { return holds_ != 0; }
  // What was published together may be stalled kStalls times, from here on.
  void allow_stalls() { stalls_taken_ = 0; }
  void never_stall();
  // Tells the program, if it wants to know. `reason` is a static text.
  void note(ConnectionEvent::Kind kind, std::string_view reason = {});
  // "127.0.0.1:4711 - cid:7 - what"
  void say(LogLevel level, std::string_view what) const;

  static constexpr uint8_t kHoldAuth = 1, kHoldStall = 2, kHoldCongested = 4;

  struct Details {  // as the client gave them, for monitoring
    std::string name, lang, version, user, forwarded_for;
    std::string tls_version, tls_cipher_suite;
    bool tls_first = false;
  };
  struct Wants {
    bool echo : 1, headers : 1, no_responders : 1;
  };
  Details& details() {
    if (details_ == nullptr) details_ = std::make_unique<Details>();
    return *details_;
  }

  Reactor& reactor_;
  Broker& broker_;
  Subscriptions subscriptions_;
  std::unique_ptr<Details> details_;
  MemberTimer<Endpoint> stall_timer_;
  const uint64_t cid_;
  Traffic traffic_;
  int64_t start_ns_, last_activity_ns_, last_sent_ns_ = 0, stop_ns_ = 0, rtt_ns_ = 0;
  uint64_t stalls_ = 0;  // times that a publisher was held back because of us
  const uint32_t slot_;
  const Wire wire_;
  uint8_t holds_ = 0, stalls_taken_ = 0;
  proto::CloseReason reason_ = proto::CloseReason::client_closed;
  Wants wants_{};
  bool counted_ : 1 = false;  // in Broker::connections
  bool opened_ : 1 = false;   // monitoring knows it
  bool closing_ : 1 = false;
  bool finished_ : 1 = false;

 private:
  static bool reserved_subject(std::string_view subject) {
    return subject.starts_with("_GR_.") || subject.starts_with("$NRG.");
  }
  static bool reserved_reply(std::string_view reply) {
    return reply.starts_with("_R_.") || reply.starts_with("_GR_.") || reply.starts_with("$JS.ACK.");
  }
  void on_stall_timer() { release(kHoldStall); }
};

}  // namespace pipit
