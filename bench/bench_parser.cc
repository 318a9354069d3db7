// Parser: nanoseconds an operation, from a read buffer of 64 KiB full of them, as a busy publisher
// fills it.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "protocol/connect_info.h"
#include "protocol/parser.h"
#include "protocol/writer.h"

using namespace pipit::proto;

namespace {

constexpr size_t kReadSize = 64 * 1024;

std::string pub(const char* arguments, size_t size) {
  return std::string("PUB ") + arguments + " " + std::to_string(size) + "\r\n" +
         std::string(size, 'x') + "\r\n";
}

std::string hpub(size_t size) {
  const std::string block = "NATS/1.0\r\nNats-Msg-Id: 1234567\r\n\r\n";
  return "HPUB bench.1 " + std::to_string(block.size()) + " " +
         std::to_string(block.size() + size) + "\r\n" + block + std::string(size, 'x') + "\r\n";
}

// The operations in turn until the buffer is full; how many there are goes to `count`.
std::string fill(const std::vector<std::string>& operations, size_t& count) {
  std::string buffer;
  for (count = 0; buffer.size() < kReadSize; ++count)
    buffer += operations[count % operations.size()];
  return buffer;
}

void parse(benchmark::State& state, const std::vector<std::string>& operations) {
  size_t count = 0;
  const std::string buffer = fill(operations, count);
  Parser parser;
  for (auto _ : state) {
    std::string_view bytes = buffer;
    size_t events = 0;
    while (parser.next(bytes) != Event::need_more) ++events;
    if (events != count) state.SkipWithError("events are missing");
  }
  const auto total = static_cast<double>(state.iterations()) * static_cast<double>(count);
  state.SetItemsProcessed(static_cast<int64_t>(total));
  state.counters["per_op"] =
      benchmark::Counter(total, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void parse_connect(benchmark::State& state) {
  ConnectParser parser;
  for (auto _ : state) {
    auto connect = parser.parse(
        R"({"protocol":1,"version":"3.0.2","lang":"nats.js","verbose":false,"pedantic":false,)"
        R"("headers":true,"no_responders":true,"user":"derek","pass":"s3cr3t","name":"bench"})");
    if (!connect) state.SkipWithError("refused");
    benchmark::DoNotOptimize(connect);
  }
}

void write_msg(benchmark::State& state) {
  char line[128];
  std::string_view subject = "bench.1", sid = "12", size = "16";
  for (auto _ : state) {
    benchmark::DoNotOptimize(subject);
    benchmark::DoNotOptimize(write_msg_line(line, subject, sid, {}, size));
    benchmark::ClobberMemory();
  }
}

const std::string kSub = "SUB _INBOX.Ur7xhGzYBQF9CaFHy4RbFM.* 17\r\n";

BENCHMARK_CAPTURE(parse, pub_16, {pub("bench.1", 16)});
BENCHMARK_CAPTURE(parse, pub_128, {pub("bench.1", 128)});
BENCHMARK_CAPTURE(parse, pub_reply_128,
                  {pub("bench.subject.1 _INBOX.Ur7xhGzYBQF9CaFHy4RbFM.12", 128)});
BENCHMARK_CAPTURE(parse, hpub_128, {hpub(128)});
BENCHMARK_CAPTURE(parse, sub, {kSub});
BENCHMARK_CAPTURE(parse, unsub, {std::string("UNSUB 17 1\r\n")});
BENCHMARK_CAPTURE(parse, ping, {std::string("PING\r\n")});
BENCHMARK_CAPTURE(parse, mixed,
                  {pub("bench.1", 16), pub("bench.1", 128), kSub, hpub(64),
                   pub("help _INBOX.Ur7xhGzYBQF9CaFHy4RbFM.0", 40), std::string("UNSUB 17\r\n"),
                   pub("bench.2", 0), std::string("PONG\r\n")});
BENCHMARK(parse_connect);
BENCHMARK(write_msg);

}  // namespace

BENCHMARK_MAIN();
