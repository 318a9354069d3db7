// Outbound: a payload copied behind its MSG line against a slice of the slab that it was read into,
// around kInlinePayloadMax. One round is one read of 64 KiB for `subscribers` of it: all is queued,
// flushed into a TCP connection and thrown away at its other end. Slices keep the slab, so the next
// read needs another one.
#include <benchmark/benchmark.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "server/inbound.h"
#include "server/outbound.h"
#include "transport/byte_stream.h"

namespace {

using namespace pipit;

constexpr std::string_view kLine = "MSG bench.subject.1 42 1024\r\n";

// Both ends of a connection; what was written is gone after drain().
class Pipe final : public net::ByteStream {
 public:
  Pipe() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    near_ = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, name, size) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, name, &size) != 0 || connect(near_, name, size) != 0) {
      std::abort();
    }
    far_ = accept(listener, nullptr, nullptr);
    ::close(listener);
  }
  ~Pipe() override {
    ::close(near_);
    ::close(far_);
  }
  size_t write(std::span<const iovec> parts) override {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    const ssize_t sent = sendmsg(near_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }
  // MSG_TRUNC: TCP drops the bytes without copying them.
  void drain() {
    while (recv(far_, nullptr, 1 << 20, MSG_TRUNC | MSG_DONTWAIT) > 0) {
    }
  }
  void pause_reading() override {}
  void resume_reading() override {}
  void start(net::StreamHandler*) override {}
  void close(uint16_t, std::string_view) override {}
  const net::PeerAddress& peer() const override { return peer_; }

 private:
  net::PeerAddress peer_;
  int near_ = -1, far_ = -1;
};

struct Subscriber {
  Outbound out;
  Pipe pipe;

  void copy(std::string_view payload, ChunkPool& chunks) {
    char* begin = out.room(kLine.size() + payload.size() + 2, chunks);
    char* end = begin;
    for (std::string_view part : {kLine, payload, std::string_view("\r\n")}) {
      std::memcpy(end, part.data(), part.size());
      end += part.size();
    }
    out.commit(static_cast<size_t>(end - begin));
  }
  void slice(std::string_view payload, const net::SlabRef& slab, ChunkPool& chunks) {
    out.append(kLine, chunks);
    out.slice(slab, payload, chunks);
    out.append("\r\n", chunks);
  }
};

void deliver(benchmark::State& state, bool copying) {
  const auto size = static_cast<size_t>(state.range(0));
  const auto subscribers = static_cast<size_t>(state.range(1));
  net::SlabPool slabs;
  ReadArea area(slabs);
  ChunkPool chunks;
  std::vector<std::unique_ptr<Subscriber>> all;
  for (size_t i = 0; i < subscribers; ++i) all.push_back(std::make_unique<Subscriber>());
  const size_t count = net::SlabPool::kStandard / (size + kLine.size());
  for (auto _ : state) {
    const net::SlabRef& slab = area.slab(1);
    std::memset(slab.bytes(), 'x', net::SlabPool::kStandard);  // the read
    const char* at = reinterpret_cast<const char*>(slab.bytes());
    for (size_t i = 0; i < count; ++i, at += size + kLine.size()) {
      const std::string_view payload(at, size);
      for (auto& one : all) {
        if (copying)
          one->copy(payload, chunks);
        else
          one->slice(payload, slab, chunks);
      }
    }
    for (auto& one : all)
      while (!one->out.flush(one->pipe, chunks)) one->pipe.drain();
    for (auto& one : all) one->pipe.drain();
  }
  const size_t messages = static_cast<size_t>(state.iterations()) * count * subscribers;
  state.SetItemsProcessed(static_cast<int64_t>(messages));
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"size", "subscribers"});
  for (int subscribers : {1, 10})
    for (int size : {128, 256, 512, 768, 1024, 2048, 4096, 16384}) bench->Args({size, subscribers});
}
BENCHMARK_CAPTURE(deliver, copy, true)->Apply(sizes);
BENCHMARK_CAPTURE(deliver, slice, false)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
