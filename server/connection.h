// Connection: an Endpoint on a wire, from INFO to its close. Bytes in become protocol events, events
// become publishes and subscriptions; what it is owed collects in Outbound and is flushed once a
// loop turn. connection_verbs.cc has what each verb does.
#pragma once
#include <initializer_list>
#include <memory>
#include <string_view>

#include "protocol/connect_info.h"
#include "protocol/parser.h"
#include "server/auth.h"
#include "server/endpoint.h"
#include "server/inbound.h"
#include "server/outbound.h"
#include "transport/byte_stream.h"
#include "transport/tls_stream.h"
#include "transport/ws_handshake.h"

namespace pipit {

class Connection final : public Endpoint, private net::StreamHandler {
 public:
  Connection(Reactor& reactor, uint32_t slot, uint64_t cid, Wire wire);
  ~Connection() override;

  // Takes the stream and starts it. TCP: INFO goes out; WebSocket: once upgraded() says so.
  void open(std::unique_ptr<net::ByteStream> stream);
  void upgraded(const net::WsUpgrade& upgrade);
  // The stream that is going to be opened does TLS; `tls` is it, on TCP. Then what it tells.
  void await_tls(net::TlsStream& tls) { tls_ = &tls; }
  void tls_hello();
  void tls_open(const net::TlsPeer* peer);

  Delivered deliver(const router::SubRef& ref, const proto::Message& message, const net::SlabRef& slab,
                    uint64_t origin_cid) override;
  bool send_no_responders(const router::SubRef& ref, const proto::Message& message) override;
  void flush() override;
  void send_lame_duck() override;
  // The verdict on a CONNECT whose check ran elsewhere.
  void finish_auth(AuthVerdict verdict);

 private:
  // Endpoint
  void on_held() override { stream_->pause_reading(); }
  void on_released() override;
  void on_close() override;
  void on_removed(const SubscriptionRecord& sub) override;
  size_t pending_bytes() const override;
  const net::PeerAddress& peer() const override { return stream_->peer(); }

  // StreamHandler
  std::span<std::byte> on_alloc() override;
  void on_read(size_t n) override;
  void on_writable() override;
  void on_end(int sys_errno, uint16_t code, std::string_view why) override;

  void process(std::string_view bytes);
  void parse(std::string_view& bytes, size_t& operation_size);
  bool parsing_allowed() const { return !closing_ && !held(); }

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

  // connection_tls.cc
  void begin_tls();
  bool tls_due() const;
  bool on_tls_timer();
  void tls_failed(std::string_view why);

  void send(std::string_view text);
  void queued();  // after anything of our own went into outbound_
  void send_ok();
  void send_error(std::string_view text);
  void close_with(std::string_view error, proto::CloseReason reason);
  void send_info(bool first_pong);
  // Where reactor_.tracing(). `words`: with one blank between those that are not empty.
  void trace(const char* direction, std::initializer_list<std::string_view> words) const;
  void trace_payload(const char* direction, std::string_view headers, std::string_view body) const;

  void watch_write();
  void hang_up();
  void arm_liveness(int64_t delay_ns);
  void arm_first_deadline();
  void on_liveness_timer();
  void on_write_timer();

  std::unique_ptr<net::ByteStream> stream_;
  net::FrameSharer* sharer_ = nullptr;  // the stream's, if it compresses
  net::TlsStream* tls_ = nullptr;  // stream_, while TLS has not begun or not succeeded
  proto::Parser parser_;
  Inbound inbound_;
  Outbound outbound_;
  MemberTimer<Connection> liveness_timer_, write_timer_;
  int64_t last_ping_ns_ = 0;
  uint64_t written_ = 0;         // bytes the stream took so far
  uint64_t deadline_mark_ = 0;   // written_ must reach this before write_timer_ fires
  uint32_t pings_out_ = 0;
  uint8_t protocol_ = 0;
  // What nats-server assumes of a client that never sends CONNECT.
  bool verbose_ : 1 = true, pedantic_ : 1 = true;
  bool connected_ : 1 = false;    // a CONNECT was accepted
  bool awaiting_auth_ : 1 = false;
  bool first_pong_sent_ : 1 = false;
  bool blocked_ : 1 = false;      // the stream took less than all
};

}  // namespace pipit
