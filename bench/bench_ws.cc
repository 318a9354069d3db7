// WebSocket: what a frame costs on its way in, by the fast lane and by wslay alone, and on its way
// out; unmasking by itself; what compressing one flush costs. Each round moves about 64 KiB of
// frames, as one read of a busy connection does.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "transport/ws_deflate.h"
#include "transport/ws_frame.h"
#include "transport/ws_stream.h"

using namespace pipit::net;

namespace {

constexpr size_t kReadSize = 64 * 1024;

// The wire: what is fed is copied to the handler as recv() does, what is written is forgotten.
class Wire final : public ByteStream {
 public:
  void feed(std::string_view bytes) {
    while (!bytes.empty()) {
      std::span<std::byte> room = handler_->on_alloc();
      const size_t count = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), count);
      handler_->on_read(count);
      bytes.remove_prefix(count);
    }
  }
  size_t write(std::span<const iovec> parts) override {
    size_t total = 0;
    for (const iovec& part : parts) total += part.iov_len;
    return total;
  }
  void pause_reading() override {}
  void resume_reading() override {}
  void start(StreamHandler* handler) override { handler_ = handler; }
  void close(uint16_t, std::string_view) override {}
  const PeerAddress& peer() const override { return peer_; }

 private:
  StreamHandler* handler_ = nullptr;
  PeerAddress peer_;
};

class Reader final : public StreamHandler {
 public:
  std::span<std::byte> on_alloc() override { return buffer_; }
  void on_read(size_t n) override { received += n; }
  void on_writable() override {}
  void on_end(int, uint16_t, std::string_view) override { std::abort(); }
  size_t received = 0;

 private:
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kReadSize);
};

struct Socket {
  explicit Socket(bool fast_lane, std::string_view fields = "", WsScratch* shared = nullptr) {
    rules.compression = true;
    auto below = std::make_unique<Wire>();
    wire = below.get();
    stream = std::make_unique<WsStream>(std::move(below),
                                        WsStream::Settings{&rules, shared != nullptr ? shared : &scratch,
                                                           1 << 20, fast_lane},
                                        [](const WsUpgrade&) {});
    stream->start(&reader);
    wire->feed("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" +
               std::string(fields) + "\r\n");
  }
  WsHandshakeRules rules;
  WsScratch scratch;
  Reader reader;
  Wire* wire = nullptr;
  std::unique_ptr<WsStream> stream;
};

// Masked frames with `size` bytes of payload each.
std::string frames(size_t size, size_t& count) {
  char head[14];
  size_t head_size = write_ws_head(head, kWsFin | kWsBinary, size);
  head[1] = static_cast<char>(head[1] | static_cast<char>(kWsMask));
  std::memcpy(head + head_size, "\x37\xfa\x21\x3d", 4);
  std::string wire;
  for (count = 0; count == 0 || wire.size() + size <= kReadSize; ++count)
    wire.append(head, head_size + 4).append(size, 'x');
  return wire;
}

void report(benchmark::State& state, size_t frames_a_round, size_t size) {
  const auto rounds = static_cast<size_t>(state.iterations());
  state.SetItemsProcessed(static_cast<int64_t>(rounds * frames_a_round));
  state.SetBytesProcessed(static_cast<int64_t>(rounds * frames_a_round * size));
}

void read_frames(benchmark::State& state, bool fast_lane) {
  const auto size = static_cast<size_t>(state.range(0));
  size_t count = 0;
  const std::string wire = frames(size, count);
  Socket socket(fast_lane);
  for (auto _ : state) {
    socket.reader.received = 0;
    socket.wire->feed(wire);
    if (socket.reader.received != count * size) return state.SkipWithError("bytes are missing");
  }
  report(state, count, size);
}
BENCHMARK_CAPTURE(read_frames, fast_lane, true)->Arg(16)->Arg(128)->Arg(1024)->Arg(65536);
BENCHMARK_CAPTURE(read_frames, wslay, false)->Arg(16)->Arg(128)->Arg(1024)->Arg(65536);

void unmask(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  std::vector<std::byte> bytes(size);
  uint32_t key = 0x3d21fa37;
  for (auto _ : state) {
    key = ws_unmask(bytes.data(), bytes.data(), size, key);
    benchmark::ClobberMemory();
  }
  benchmark::DoNotOptimize(key);
  report(state, 1, size);
}
BENCHMARK(unmask)->Arg(16)->Arg(128)->Arg(1024)->Arg(65536);

// One flush: 32 messages of a chunk and a slice, in one frame, or in 4096 bytes at a time.
void write_frames(benchmark::State& state, std::string_view fields) {
  const auto size = static_cast<size_t>(state.range(0));
  Socket socket(true, fields);
  std::string text(64, 't'), payload(size, 'p');
  std::vector<iovec> parts;
  for (int i = 0; i < 32; ++i) {
    parts.push_back({text.data(), text.size()});
    parts.push_back({payload.data(), payload.size()});
  }
  const size_t total = 32 * (text.size() + size);
  for (auto _ : state)
    if (socket.stream->write(parts) != total) return state.SkipWithError("not all was taken");
  report(state, 1, total);
}
BENCHMARK_CAPTURE(write_frames, one, "")->Arg(16)->Arg(1024)->Arg(16384);
BENCHMARK_CAPTURE(write_frames, browser, "User-Agent: Mozilla/5.0\r\n")
    ->Arg(16)->Arg(1024)->Arg(16384);

// Base64 as browsers get it: it compresses to three quarters.
std::string base64ish(size_t size) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (uint32_t x = 1; text.size() < size; x = x * 1664525 + 1013904223)
    text += kAlphabet[x >> 26];
  return text;
}

void deflate_flush(benchmark::State& state) {
  if (!kDeflateBuilt) return state.SkipWithError("built without zlib");
  const auto size = static_cast<size_t>(state.range(0));
  std::string text = base64ish(size), out;
  WsDeflater deflater(15);
  const iovec part{text.data(), text.size()};
  for (auto _ : state) {
    out.clear();
    deflater.run({&part, 1}, out);
  }
  state.counters["ratio"] = static_cast<double>(out.size()) / static_cast<double>(size);
  report(state, 1, size);
}
BENCHMARK(deflate_flush)->Arg(128)->Arg(1024)->Arg(16384)->Arg(65536);

// A batch of ten messages for `streams` clients that compress, as a turn flushes it: deflated for each
// client, all of the batch at once; or each payload deflated once and shared.
void fan_out(benchmark::State& state, bool sharing) {
  if (!kDeflateBuilt) return state.SkipWithError("built without zlib");
  constexpr size_t kBatch = 10;
  const auto size = static_cast<size_t>(state.range(0)), streams = static_cast<size_t>(state.range(1));
  WsScratch scratch;
  SlabPool pool;
  const SlabRef slab = pool.make(static_cast<uint32_t>(size * kBatch));
  const std::string bytes = base64ish(size * kBatch);
  std::memcpy(slab.bytes(), bytes.data(), bytes.size());
  const std::string_view text(reinterpret_cast<const char*>(slab.bytes()), bytes.size());
  std::vector<std::unique_ptr<Socket>> sockets;
  for (size_t i = 0; i < streams; ++i)
    sockets.push_back(std::make_unique<Socket>(
        true, "Sec-WebSocket-Extensions: permessage-deflate\r\n", &scratch));
  std::string line = "MSG bench.subject.1 42 16384\r\n", end = "\r\n";
  std::vector<iovec> parts;
  const iovec text_part{line.data(), line.size()};
  for (size_t i = 0; i < kBatch; ++i)
    for (std::string_view part : {std::string_view(line), text.substr(i * size, size),
                                  std::string_view(end)})
      parts.push_back({const_cast<char*>(part.data()), part.size()});
  for (auto _ : state) {
    for (size_t i = 0; sharing && i < kBatch; ++i) {
      for (auto& socket : sockets) {
        FrameSharer& sharer = *socket->stream->sharer();
        sharer.write_shared({&text_part, 1},
                            sharer.share(slab, text.substr(i * size, size), end).bytes);
      }
    }
    if (!sharing)
      for (auto& socket : sockets) socket->stream->write(parts);
    scratch.forget_shared();
  }
  report(state, kBatch * streams, size);
}
void fans(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"size", "streams"});
  for (int streams : {1, 2, 10})
    for (int size : {128, 512, 1024, 2048, 4096, 16384}) bench->Args({size, streams});
}
BENCHMARK_CAPTURE(fan_out, each, false)->Apply(fans);
BENCHMARK_CAPTURE(fan_out, shared, true)->Apply(fans);

void inflate_message(benchmark::State& state) {
  if (!kDeflateBuilt) return state.SkipWithError("built without zlib");
  const auto size = static_cast<size_t>(state.range(0));
  std::string text = base64ish(size), packed;
  const iovec part{text.data(), text.size()};
  WsDeflater(15).run({&part, 1}, packed);
  const std::span<const uint8_t> input(reinterpret_cast<const uint8_t*>(packed.data()),
                                       packed.size());
  std::vector<std::byte> room(size + 1);
  WsInflater inflater;
  for (auto _ : state) {
    inflater.reset();
    if (inflater.run(input, room).produced != size) return state.SkipWithError("bytes are missing");
  }
  report(state, 1, size);
}
BENCHMARK(inflate_message)->Arg(128)->Arg(1024)->Arg(16384)->Arg(65536);

}  // namespace

BENCHMARK_MAIN();
