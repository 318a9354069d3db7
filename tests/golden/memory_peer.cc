#include "tests/golden/memory_peer.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "protocol/limits.h"
#include "server/broker.h"
#include "server/config.h"
#include "server/reactor.h"
#include "transport/loop.h"
#include "transport/memory_stream.h"
#include "transport/ws_stream.h"

namespace pipit::golden {
namespace {

// Nothing listens there: INFO has to say something.
constexpr uint16_t kClientPort = 4222, kWebsocketPort = 8080;

// What outlives a stream: the server destroys its end as soon as it is done with it.
struct FarEnd {
  net::MemoryStream* stream = nullptr;  // null: destroyed
  std::string arrived;
  std::optional<Goodbye> goodbye;
  bool closed = false;

  void collect() {
    if (!stream) return;
    arrived += std::exchange(stream->written(), {});
    if (!stream->closed()) return;
    closed = true;
    if (stream->close_code() != 0) goodbye = Goodbye{stream->close_code(), stream->close_text()};
  }
};

// The server's end: a MemoryStream that leaves its last words behind.
class NearEnd final : public net::ByteStream {
 public:
  explicit NearEnd(std::shared_ptr<FarEnd> far) : far_(std::move(far)) { far_->stream = &stream_; }
  ~NearEnd() override {
    far_->collect();
    far_->closed = true;
    far_->stream = nullptr;
  }
  size_t write(std::span<const iovec> parts) override { return stream_.write(parts); }
  void pause_reading() override { stream_.pause_reading(); }
  void resume_reading() override { stream_.resume_reading(); }
  void start(net::StreamHandler* handler) override { stream_.start(handler); }
  void close(uint16_t code, std::string_view why) override { stream_.close(code, why); }
  const net::PeerAddress& peer() const override { return stream_.peer(); }

 private:
  std::shared_ptr<FarEnd> far_;
  net::MemoryStream stream_;
};

}  // namespace

// The server: what Server::Impl composes, without sockets and threads.
class MemoryPeer::World {
 public:
  explicit World(Options options) : broker_(std::move(options)) {
    broker_.build_infos(kClientPort, kWebsocketPort);
    uint32_t count = broker_.options.reactors;
    std::vector<Mailbox*> mailboxes;
    for (uint32_t i = 0; i < count; ++i) {
      reactors_.push_back(std::make_unique<Reactor>(
          broker_, static_cast<uint16_t>(i), count, [this] { wake(); }, &net::Loop::now_ns));
      broker_.reactors.push_back(reactors_.back().get());
      mailboxes.push_back(&reactors_.back()->mailbox());
    }
    for (Mailbox* mailbox : mailboxes) mailbox->connect(mailboxes);
  }

  ~World() {
    broker_.auth_worker.stop();
    for (auto& reactor : reactors_) {
      reactor->awake();
      reactor->close_all(proto::CloseReason::server_shutdown);
    }
    settle();
  }

  bool empty() const {
    return std::all_of(reactors_.begin(), reactors_.end(),
                       [](const auto& reactor) { return reactor->connection_count() == 0; });
  }

  // Reactors take turns, as the acceptor has them when their loads are equal.
  std::shared_ptr<FarEnd> connect(pipit::Wire kind) {
    auto far = std::make_shared<FarEnd>();
    Reactor& reactor = *reactors_[next_++ % reactors_.size()];
    reactor.adopt(kind, [&](Connection& connection) -> std::unique_ptr<net::ByteStream> {
      auto near = std::make_unique<NearEnd>(far);
      if (kind == pipit::Wire::tcp) return near;
      const int64_t max = broker_.options.max_payload;
      return std::make_unique<net::WsStream>(
          std::move(near),
          net::WsStream::Settings{&broker_.ws_rules, &scratch_,
                                  static_cast<size_t>(max < 0 ? proto::kMaxSize : max)},
          [&connection](const net::WsUpgrade& upgrade) { connection.upgraded(upgrade); });
    });
    return far;
  }

  // Until every reactor would sleep.
  void settle() {
    for (bool asleep = false; !asleep;) {
      for (auto& reactor : reactors_) reactor->turn();
      asleep = true;
      for (auto& reactor : reactors_) asleep &= reactor->prepare_sleep();
    }
  }

  // Sleeps as the reactors would: until the next timer, or until another thread has a verdict.
  void wait(test::Deadline deadline) {
    int64_t timer = net::TimerHeap::kNever;
    for (auto& reactor : reactors_) timer = std::min(timer, reactor->next_deadline_ns());
    int64_t limit = std::max<int64_t>(timer - net::Loop::now_ns(), 0);
    limit = std::min(limit, deadline.remaining_ms() * kNsPerMs);
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, std::chrono::nanoseconds(limit), [this] { return awake_; });
    awake_ = false;
  }

  void lame_duck() {
    broker_.lame_duck = true;
    for (auto& reactor : reactors_) {
      reactor->awake();
      reactor->lame_duck(broker_.options.lame_duck_grace_period_ns,
                         broker_.options.lame_duck_duration_ns);
    }
  }
  bool refuses() const { return broker_.lame_duck; }

 private:
  void wake() {
    std::lock_guard lock(mutex_);
    awake_ = true;
    woken_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable woken_;
  bool awake_ = false;
  net::WsScratch scratch_;
  Broker broker_;
  std::vector<std::unique_ptr<Reactor>> reactors_;
  size_t next_ = 0;
};

class MemoryPeer::MemoryWire final : public Wire {
 public:
  MemoryWire(World& world, pipit::Wire kind, bool split)
      : world_(world), far_(world.connect(kind)), kind_(kind), split_(split) {}

  void send(std::string_view bytes) override {
    while (!bytes.empty() && far_->stream) {
      std::string_view piece = bytes.substr(0, split_ ? 1 : bytes.size());
      far_->stream->feed(piece);
      far_->collect();
      world_.settle();
      bytes.remove_prefix(piece.size());
    }
  }

  Got receive(std::string& into, test::Deadline deadline) override {
    for (;;) {
      world_.settle();
      far_->collect();
      if (!far_->arrived.empty()) {
        into += std::exchange(far_->arrived, {});
        return Got::bytes;
      }
      if (far_->closed) return Got::closed;
      if (deadline.passed()) return Got::nothing;
      world_.wait(deadline);
    }
  }

  void hang_up() override {
    if (far_->stream) far_->stream->end();
    world_.settle();
  }
  uint16_t server_port() const override {
    return kind_ == pipit::Wire::tcp ? kClientPort : kWebsocketPort;
  }
  std::optional<Goodbye> goodbye() const override { return far_->goodbye; }

 private:
  World& world_;
  std::shared_ptr<FarEnd> far_;
  pipit::Wire kind_;
  bool split_;
};

MemoryPeer::MemoryPeer(const MemorySetup& setup) : setup_(setup) {}
MemoryPeer::~MemoryPeer() = default;

const Tags& MemoryPeer::tags() const { return setup_.tags; }

std::string MemoryPeer::start(const Transcript& transcript, test::Deadline) {
  Options options;
  ProcessOptions process;
  ConfigFaults faults;
  parse_config_text(transcript.config_text(tags(), setup_.reactors, false), transcript.name,
                    options, process, faults);
  validate(options, faults);
  std::string text;
  for (const std::string& fault : faults.errors) text += fault + "\n";
  if (text.empty()) world_ = std::make_unique<World>(std::move(options));
  return text;
}

std::unique_ptr<Wire> MemoryPeer::dial_client(test::Deadline) {
  if (world_->refuses()) return nullptr;
  return std::make_unique<MemoryWire>(*world_, pipit::Wire::tcp, setup_.split);
}

std::unique_ptr<Wire> MemoryPeer::dial_websocket(test::Deadline) {
  if (world_->refuses()) return nullptr;
  return std::make_unique<MemoryWire>(*world_, pipit::Wire::websocket, setup_.split);
}

void MemoryPeer::lame_duck() { world_->lame_duck(); }

std::string MemoryPeer::stop(test::Deadline) {
  world_.reset();
  return {};
}

}  // namespace pipit::golden
