#include "server/reactor_thread.h"

#include <unistd.h>

#include <algorithm>

#include "protocol/limits.h"
#include "server/broker.h"
#include "transport/tcp_stream.h"

namespace pipit {

ReactorThread::ReactorThread(Broker& broker, uint16_t index, uint32_t reactors)
    : broker_(broker),
      reactor_(broker, index, reactors, [this] { loop_.wake(); }, &net::Loop::now_ns) {
  // One phase is enough: between two polls libuv runs nothing else of ours.
  loop_.set_phases([this] { before_poll(); }, [] {});
}

ReactorThread::~ReactorThread() {
  stop();
  join();
}

void ReactorThread::start() {
  thread_ = std::thread([this] {
    runs_on_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    loop_.run();
  });
}

void ReactorThread::stop() {
  if (!thread_.joinable()) return;
  reactor_.mailbox().post([this] {
    stopping_ = true;
    reactor_.close_all(proto::CloseReason::server_shutdown);
  });
}

void ReactorThread::join() {
  if (thread_.joinable()) thread_.join();
}

void ReactorThread::adopt(int fd, net::PeerAddress peer, Wire wire) {
  load_.fetch_add(1, std::memory_order_relaxed);
  if (std::this_thread::get_id() == runs_on_.load(std::memory_order_relaxed)) {
    adopt_here(fd, std::move(peer), wire);
  } else {
    reactor_.mailbox().post([this, fd, peer = std::move(peer), wire]() mutable {
      adopt_here(fd, std::move(peer), wire);
    });
  }
}

void ReactorThread::adopt_here(int fd, net::PeerAddress peer, Wire wire) {
  if (stopping_) {
    ::close(fd);
    return;
  }
  reactor_.adopt(wire, [&](Connection& connection) -> std::unique_ptr<net::ByteStream> {
    auto tcp = std::make_unique<net::TcpStream>(loop_, fd, std::move(peer));
    if (wire == Wire::tcp) return tcp;
    const int64_t max = broker_.options.max_payload;
    return std::make_unique<net::WsStream>(
        std::move(tcp),
        net::WsStream::Settings{&broker_.ws_rules, &ws_scratch_,
                                static_cast<size_t>(max < 0 ? proto::kMaxSize : max)},
        [&connection](const net::WsUpgrade& upgrade) { connection.upgraded(upgrade); });
  });
}

void ReactorThread::before_poll() {
  reactor_.turn();
  load_.store(static_cast<int64_t>(reactor_.connection_count()), std::memory_order_relaxed);
  if (stopping_ && reactor_.connection_count() == 0) {
    loop_.stop();
    return;
  }
  const bool sleep = reactor_.prepare_sleep();
  loop_.do_not_sleep(!sleep);
  if (!sleep) return;
  const int64_t deadline = reactor_.next_deadline_ns();
  if (deadline == net::TimerHeap::kNever) {
    loop_.arm_timer(-1);
  } else {
    // Rounded up: woken a little late once beats being woken too early twice.
    const int64_t left = std::max<int64_t>(deadline - reactor_.now_ns(), 0);
    loop_.arm_timer((left + kNsPerMs - 1) / kNsPerMs);
  }
}

}  // namespace pipit
