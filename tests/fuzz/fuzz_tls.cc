// What a peer may do to a TlsStream: bytes of no TLS or half of it before the handshake, and behind
// it honest records, broken ones, pauses, a slow reader and writes, in any order. Nothing crashes,
// what the handler gets is what the client sent, and what is held is bounded.
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/transport/tls_pair.h"

using namespace pipit;
using namespace pipit::net;

namespace {

void require(bool truth) {
  if (!truth) std::abort();
}

const std::shared_ptr<const TlsContext>& context() {
  static TlsFiles files;
  static const auto loaded = load(files.options());
  return loaded;
}

// Takes numbers and bytes off the input.
struct Input {
  const uint8_t* data;
  size_t size;

  uint8_t byte() { return size == 0 ? 0 : (--size, *data++); }
  std::string bytes(size_t count) {
    count = std::min(count, size);
    std::string taken(reinterpret_cast<const char*>(data), count);
    data += count;
    size -= count;
    return taken;
  }
};

void settle(TlsPair& pair) {
  while (pair.opens == 0 && pair.handler.ends == 0 && !pair.below->reading())
    require(pair.loop.posted.run_next());
}

// Strangers: nothing but bytes, in pieces, beginning as a hello does or not.
void before_the_handshake(Input input) {
  TlsLoop loop(4, 1);
  TlsPair pair(loop, context(), {}, (input.byte() & 1) != 0, "no TLS\n");
  if ((input.byte() & 1) != 0) {
    pair.client.handshake();
    std::string hello = pair.client.take();
    const size_t at = input.byte() % hello.size();
    hello[at] = static_cast<char>(hello[at] ^ input.byte());
    pair.below->feed(hello);
  }
  while (input.size > 0 && pair.handler.ends == 0) {
    settle(pair);
    pair.below->feed(input.bytes(input.byte() + size_t{1}));
  }
  settle(pair);
  pair.stream->close(0, {});
}

void behind_the_handshake(Input input) {
  TlsLoop loop(4, 1);
  TlsPair pair(loop, context(), {.max_version = TLS1_2_VERSION});
  pair.exchange();
  require(pair.opens == 1);
  std::string sent;
  bool honest = true;  // a broken record ends the session for good
  uint8_t filler = 'a';
  while (input.size > 0) {
    const uint8_t op = input.byte();
    const size_t size = (input.byte() | size_t{1}) << (op >> 5);
    switch (op & 7) {
      case 0:
      case 1: {
        const std::string text(size, static_cast<char>(filler++));
        pair.client.write(text);
        const std::string record = pair.client.take();
        if (honest) sent += text;
        for (size_t i = 0; i < record.size(); i += size)
          pair.below->feed(std::string_view(record).substr(i, size));
        break;
      }
      case 2:
        pair.below->feed(input.bytes(size));
        honest = false;
        break;
      case 3:
        pair.stream->pause_reading();
        break;
      case 4:
        pair.stream->resume_reading();
        break;
      case 5:
        write_text(*pair.stream, std::string(size, 'w'));
        break;
      case 6:
        pair.below->allow(size % 7 == 0 ? SIZE_MAX : size);
        break;
      case 7:
        if (size % 31 == 0) pair.client.close();
        if (size % 37 == 0) pair.below->end();
        pair.client.feed(std::exchange(pair.below->written(), {}));
        break;
    }
    require(pair.stream->held_bytes() <= TlsStream::kBatch + 4 * TlsSession::kMaxRecord);
    require(std::string_view(sent).starts_with(pair.handler.received));
    require(pair.handler.ends <= 1);
    require(pair.handler.allocs == 0);
  }
  pair.stream->close(0, {});
  require(pair.below->closed());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input{data, size};
  if ((input.byte() & 1) == 0)
    before_the_handshake(input);
  else
    behind_the_handshake(input);
  return 0;
}
