// Connection: one client, from INFO to its close. Bytes in become protocol events, events become
// publishes and subscriptions; what it is owed collects in Outbound and is flushed once a loop turn.
//
// Lives on one reactor, in a slot of its table, and is touched by that thread only. Others name it
// by SubRef or Origin. Destroyed by the reactor at the end of the turn in which it finished closing,
// never inside one of its own calls. connection_verbs.cc has what each verb does.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "protocol/connect_info.h"
#include "protocol/errors.h"
#include "protocol/parser.h"
#include "server/inbound.h"
#include "server/mailbox.h"
#include "server/message.h"
#include "server/outbound.h"
#include "server/router/sub_ref.h"
#include "server/stats.h"
#include "server/subscriptions.h"
#include "transport/byte_stream.h"
#include "transport/timer_heap.h"
#include "transport/ws_handshake.h"

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

class Connection final : public net::StreamHandler {
 public:
  Connection(Reactor& reactor, uint32_t slot, uint64_t cid, Wire wire);
  ~Connection() override;

  // Takes the stream and starts it. TCP: INFO goes out; WebSocket: once upgraded() says so.
  void open(std::unique_ptr<net::ByteStream> stream);
  void upgraded(const net::WsUpgrade& upgrade);

  // One message for the subscription in `ref`. `slab` holds the bytes of `message`.
  Delivered deliver(const router::SubRef& ref, const Message& message, const net::SlabRef& slab,
                    uint64_t origin_cid);
  // 503 for its request `message` to the subscription in `ref`. False: that is gone.
  bool send_no_responders(const router::SubRef& ref, const Message& message);
  // A subscriber of what this connection publishes is far behind.
  void stall();
  // A mailbox ring is full: stop parsing until release_congested().
  void hold_congested();
  void release_congested();

  void flush();
  void close(proto::CloseReason reason);
  // Lame duck: INFO with ldm, for clients that understand it.
  void send_lame_duck();
  // The verdict on a CONNECT whose check ran elsewhere.
  void finish_auth(bool ok);

  uint64_t cid() const { return cid_; }
  uint32_t slot() const { return slot_; }
  bool closing() const { return closing_; }
  size_t subscription_count() const { return subscriptions_.size(); }
  bool no_responders() const { return connect_.no_responders; }
  ConnectionSnapshot snapshot(bool with_subscriptions) const;

  // The dirty list's mark.
  bool dirty = false;

 private:
  // StreamHandler
  std::span<std::byte> on_alloc() override;
  void on_read(size_t n) override;
  void on_writable() override;
  void on_end(int sys_errno, uint16_t code, std::string_view why) override;

  void process(std::string_view bytes);
  void parse(std::string_view& bytes, size_t& operation_size);
  bool parsing_allowed() const { return !closing_ && holds_ == 0; }
  void hold(uint8_t why);
  void release(uint8_t why);

  // connection_verbs.cc
  void handle(proto::Event event);
  bool check_publish();
  void on_fault();
  void on_connect();
  void after_auth();
  void on_publish(bool with_headers);
  void on_subscribe();
  void on_unsubscribe();
  void on_ping();
  void on_pong();
  void drop_subscriptions();
  void remove_subscription(Subscription& sub);

  void send(std::string_view text);
  void queued();  // after anything of our own went into outbound_
  void send_ok();
  void send_error(std::string_view text);
  void close_with(std::string_view error, proto::CloseReason reason);
  void send_info(bool first_pong);
  void trace(const char* direction, std::string_view text);

  void slow_consumer(proto::CloseReason reason);
  void watch_write();
  void finish();
  void on_liveness_timer();
  void on_write_timer();
  void on_stall_timer() { release(kHoldStall); }

  static constexpr uint8_t kHoldAuth = 1, kHoldStall = 2, kHoldCongested = 4;

  struct Details {  // of CONNECT, for monitoring
    std::string name, lang, version, user, forwarded_for;
  };
  struct Flags {
    bool verbose : 1, pedantic : 1, echo : 1, headers : 1, no_responders : 1;
  };

  Reactor& reactor_;
  Broker& broker_;
  std::unique_ptr<net::ByteStream> stream_;
  proto::Parser parser_;
  Inbound inbound_;
  Outbound outbound_;
  Subscriptions subscriptions_;
  std::unique_ptr<Details> details_;
  MemberTimer<Connection> liveness_timer_, write_timer_, stall_timer_;
  const uint64_t cid_;
  Traffic traffic_;
  int64_t start_ns_, last_activity_ns_, stop_ns_ = 0, last_ping_ns_ = 0, rtt_ns_ = 0;
  uint64_t written_ = 0;         // bytes the stream took so far
  uint64_t deadline_mark_ = 0;   // written_ must reach this before write_timer_ fires
  uint64_t stalls_ = 0;          // times that a publisher was held back because of us
  const uint32_t slot_;
  uint32_t pings_out_ = 0;
  const Wire wire_;
  uint8_t holds_ = 0;
  uint8_t stalls_of_read_ = 0;
  proto::CloseReason reason_ = proto::CloseReason::client_closed;
  Flags connect_{};
  uint8_t protocol_ = 0;
  bool counted_ : 1 = false;      // in Broker::connections
  bool opened_ : 1 = false;       // INFO was sent
  bool connected_ : 1 = false;    // a CONNECT was accepted
  bool awaiting_auth_ : 1 = false;
  bool first_pong_sent_ : 1 = false;
  bool blocked_ : 1 = false;      // the stream took less than all
  bool closing_ : 1 = false;
  bool finished_ : 1 = false;
};

}  // namespace pipit
