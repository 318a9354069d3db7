#include "server/reactor_loop.h"

#include <unistd.h>

#include <algorithm>

#include "protocol/limits.h"
#include "server/broker.h"
#include "transport/tcp_stream.h"

namespace pipit {
namespace {

// How long what comes by sockets may stay unseen while the program's own clients keep poll() busy: a
// look costs what ten messages between them do.
constexpr int64_t kLookNs = 50'000;

}  // namespace

ReactorLoop::ReactorLoop(Broker& broker, uint16_t index, uint32_t reactors, uv_loop_t* host)
    : broker_(broker),
      loop_(host),
      reactor_(broker, index, reactors, [this] { wake(); }, &net::Loop::now_ns) {
  if (loop_.status() != 0) return;
  loop_.set_wake([this] { reactor_.awake(); });
  // One phase is enough: between two polls libuv runs nothing else of ours.
  loop_.set_phases([this] { turn(); }, nullptr);
}

void ReactorLoop::answer_at_once() {
  loop_.set_phases([this] { turn(); },
                   [this] {
                     if (!reactor_.asleep()) turn();
                   });
}

ReactorLoop::~ReactorLoop() { abandon(); }

void ReactorLoop::run() {
  settle();
  if (!ended_) loop_.run();
}

void ReactorLoop::poll() {
  if (ended_) return;
  const bool own_work = !reactor_.asleep();
  if (own_work && reactor_.now_ns() - looked_ns_ < kLookNs) {
    turn();
  } else {
    loop_.turn();
    looked_ns_ = reactor_.now_ns();
  }
  // This tells the kernel what the first turn wants watched.
  if (!ended_ && loop_.must_turn()) loop_.turn();
}

// On its own thread it needs no call into the kernel: a loop that must not sleep looks at us next.
void ReactorLoop::wake() {
  if (here())
    loop_.do_not_sleep(true);
  else
    loop_.wake();
}

int64_t ReactorLoop::timeout_ms() const {
  if (ended_ || !reactor_.asleep() || loop_.must_turn()) return 0;
  const int64_t deadline = reactor_.next_deadline_ns();
  if (deadline == net::TimerHeap::kNever) return -1;
  // Rounded up: woken a little late once beats being woken too early twice.
  return (std::max<int64_t>(deadline - net::Loop::now_ns(), 0) + kNsPerMs - 1) / kNsPerMs;
}

void ReactorLoop::stop(std::function<void()> ended) {
  reactor_.mailbox().post([this, ended = std::move(ended)]() mutable {
    on_ended_ = std::move(ended);
    stopping_ = true;
    reactor_.close_all(proto::CloseReason::server_shutdown);
  });
}

void ReactorLoop::abandon() {
  stopping_ = ended_ = true;
  reactor_.mailbox().close();
}

bool ReactorLoop::adopt(Arrival&& arrival) {
  load_.fetch_add(1, std::memory_order_relaxed);
  if (here()) {
    adopt_here(std::move(arrival));
    return true;
  }
  return reactor_.mailbox().post([this, arrival = std::move(arrival)]() mutable {
    adopt_here(std::move(arrival));
  });
}

Result<std::shared_ptr<ClientLink>> ReactorLoop::connect(const ClientOptions& options) {
  load_.fetch_add(1, std::memory_order_relaxed);
  return connect_client(broker_, reactor_, options);
}

void ReactorLoop::adopt_here(Arrival&& arrival) {
  if (stopping_) {
    ::close(arrival.fd);
    return;
  }
  const Wire wire = arrival.wire;
  reactor_.adopt(wire, [&](Connection& connection) -> std::unique_ptr<net::ByteStream> {
    std::unique_ptr<net::ByteStream> stream = secure(
        connection, wire,
        std::make_unique<net::TcpStream>(loop_, arrival.fd, std::move(arrival.peer),
                                         std::move(arrival.read_already)));
    if (wire == Wire::tcp) return stream;
    const int64_t max = reactor_.settings().options.max_payload;
    return std::make_unique<net::WsStream>(
        std::move(stream),
        net::WsStream::Settings{.rules = &broker_.ws_rules,
                                .scratch = &ws_scratch_,
                                .max_message = static_cast<size_t>(max < 0 ? proto::kMaxSize : max),
                                .untrusted_max = reactor_.settings().options.max_control_line},
        [&connection](const net::WsUpgrade& upgrade) { connection.upgraded(upgrade); });
  });
}

// `plain`, or TLS on it.
std::unique_ptr<net::ByteStream> ReactorLoop::secure(Connection& connection, Wire wire,
                                                     std::unique_ptr<net::ByteStream> plain) {
  const bool client = wire == Wire::tcp;
  const proto::Info& info = reactor_.settings().tcp_info;
  const bool may_stay_plain = client && info.tls_available && !info.tls_required;
  TlsListeners::Wrapped wrapped = broker_.tls.wrap(
      client ? TlsPort::client : TlsPort::websocket, std::move(plain), tls_scratch_,
      [this](std::function<void()> call) { reactor_.mailbox().post(std::move(call)); },
      may_stay_plain,
      {[&connection] { connection.tls_hello(); },
       [&connection](const net::TlsPeer* peer) { connection.tls_open(peer); }});
  if (client && wrapped.tls != nullptr) connection.await_tls(*wrapped.tls);
  return std::move(wrapped.stream);
}

// The last thing before poll.
void ReactorLoop::turn() {
  if (ended_) return;
  reactor_.turn();
  ws_scratch_.forget_shared();
  load_.store(static_cast<int64_t>(reactor_.connection_count()), std::memory_order_relaxed);
  if (stopping_ && reactor_.connection_count() == 0) {
    ended_ = true;
    reactor_.mailbox().close();
    if (on_ended_) std::exchange(on_ended_, nullptr)();
    return;
  }
  const bool sleep = reactor_.prepare_sleep();
  loop_.do_not_sleep(!sleep);
  if (!sleep) return;
  const int64_t deadline = reactor_.next_deadline_ns();
  if (deadline == net::TimerHeap::kNever) {
    loop_.arm_timer(-1);
  } else {
    const int64_t left = std::max<int64_t>(deadline - reactor_.now_ns(), 0);
    loop_.arm_timer((left + kNsPerMs - 1) / kNsPerMs);
  }
}

}  // namespace pipit
