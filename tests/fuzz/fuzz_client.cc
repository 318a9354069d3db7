// Whatever a client sends, to a whole reactor in memory: no crash, no leak, and what it costs is
// bounded. The first byte says how the rest is cut into reads and whether the client reads answers.
#include <cstdlib>
#include <memory>
#include <string_view>

#include "server/broker.h"
#include "server/reactor.h"
#include "transport/memory_stream.h"

using namespace pipit;

namespace {

int64_t fuzz_now_ns = 1;
int64_t fuzz_clock() { return fuzz_now_ns; }

// What the connection owns, while the fuzzer keeps the pipe.
class FarEnd final : public net::ByteStream {
 public:
  explicit FarEnd(std::shared_ptr<net::MemoryStream> pipe) : pipe_(std::move(pipe)) {}
  ~FarEnd() override { pipe_->close(0, ""); }
  size_t write(std::span<const iovec> parts) override { return pipe_->write(parts); }
  void pause_reading() override { pipe_->pause_reading(); }
  void resume_reading() override { pipe_->resume_reading(); }
  void start(net::StreamHandler* handler) override { pipe_->start(handler); }
  void close(uint16_t code, std::string_view why) override { pipe_->close(code, why); }
  const net::PeerAddress& peer() const override { return pipe_->peer(); }

 private:
  std::shared_ptr<net::MemoryStream> pipe_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1 || size > 64 * 1024) return 0;
  const uint8_t how = data[0];
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  Options options;
  options.max_payload = 4096;
  options.max_pending = 64 * 1024;
  if ((how & 0x40) != 0) options.authorization.token = "t";
  Broker broker(std::move(options));
  Reactor reactor(broker, 0, 1, [] {}, &fuzz_clock, Random(how));
  reactor.mailbox().connect({&reactor.mailbox()});
  broker.reactors = {&reactor};
  broker.build_infos(4222, 0);

  auto pipe = std::make_shared<net::MemoryStream>();
  if ((how & 0x80) != 0) pipe->allow(600);
  reactor.adopt(Wire::tcp, [&](Connection&) { return std::make_unique<FarEnd>(pipe); });
  const size_t step = (how & 0x3f) == 0 ? bytes.size() + 1 : how & 0x3fU;
  while (!bytes.empty() && !pipe->closed()) {
    const std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    pipe->feed(piece);
    fuzz_now_ns += 10'000'000;
    reactor.turn();
    if (pipe->written().size() > 64U * 1024 * 1024) std::abort();
  }
  if (!pipe->closed()) pipe->end();
  // What lingers is cut off by its timers.
  for (int i = 0; i < 100 && reactor.connection_count() > 0; ++i) {
    fuzz_now_ns += kNsPerSecond;
    reactor.turn();
  }
  if (reactor.connection_count() != 0) std::abort();
  if (broker.account.interest.stats().subscriptions != 0) std::abort();
  return 0;
}
