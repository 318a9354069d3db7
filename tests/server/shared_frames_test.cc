// Proves compressed fan-out: one deflate a message for a thousand WebSocket subscribers, each of whom
// reads its own MSG line and the same bytes; and that what is small, has no compression or does not
// speak WebSocket gets what it always got.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "server/outbound.h"
#include "tests/server/small_broker.h"
#include "tests/support/ws_frame.h"
#include "transport/ws_deflate.h"

using namespace pipit;
using test::SmallBroker;
using test::WsFrame;

namespace {

Options compressing() {
  Options options;
  options.max_pending = 64 << 20;
  return options;
}

// A subscriber over WebSocket.
SmallBroker::Pipe subscribe(SmallBroker& broker, std::string_view sid, std::string_view fields) {
  SmallBroker::Pipe pipe = broker.connect(0, Wire::websocket);
  pipe->feed(test::upgrade_request("/", fields));
  const std::string text = "CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB a " +
                           std::string(sid) + "\r\nPING\r\n";
  pipe->feed(WsFrame{.payload = text}.bytes());
  broker.settle();
  pipe->written().clear();
  return pipe;
}

std::string carried(const SmallBroker::Pipe& pipe) {
  std::string all, message;
  bool compressed = false;
  while (auto frame = test::take_frame(pipe->written())) {
    if (frame->op != test::kWsContinue) compressed = frame->rsv == 4;
    message += frame->payload;
    if (!frame->fin) continue;
    all += compressed ? test::inflate_message(message).value_or("not deflate") : message;
    message.clear();
  }
  return all;
}

std::string chatter(size_t size) {
  std::string text;
  for (uint32_t i = 1; text.size() < size; i = i * 1664525 + 1013904223)
    text += "word" + std::to_string(i >> 20) + " ";
  text.resize(size);
  return text;
}

constexpr std::string_view kOffer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";

}  // namespace

TEST_CASE("a payload for a thousand compressed subscribers is deflated once") {
  if (!net::kDeflateBuilt) return;
  SmallBroker broker(1, compressing());
  broker.broker.ws_rules.compression = true;
  SmallBroker::Pipe publisher = broker.client(0);
  std::vector<SmallBroker::Pipe> subscribers;
  for (int i = 0; i < 1000; ++i)
    subscribers.push_back(subscribe(broker, "s" + std::to_string(i), kOffer));
  const std::string payload = chatter(16 * 1024);
  for (int round = 1; round <= 3; ++round) {
    const uint64_t before = broker.scratch.messages_deflated();
    publisher->feed("PUB a 16384\r\n" + payload + "\r\n");
    broker.settle();
    CHECK(broker.scratch.messages_deflated() == before + 1);
    broker.scratch.forget_shared();
    for (size_t i = 0; i < subscribers.size(); ++i) {
      const std::string wanted = "MSG a s" + std::to_string(i) + " 16384\r\n" + payload + "\r\n";
      // Compared first: a thousand CHECKs of 16 KiB each would be the test's whole time.
      if (const std::string got = carried(subscribers[i]); got != wanted) CHECK(got == wanted);
    }
  }
}

TEST_CASE("each way to agree on compression gets its own form, and all get the same bytes") {
  if (!net::kDeflateBuilt) return;
  SmallBroker broker(1, compressing());
  broker.broker.ws_rules.compression = true;
  SmallBroker::Pipe publisher = broker.client(0);
  SmallBroker::Pipe tcp = broker.client(0, "SUB a tcp\r\n");
  const std::string browser = std::string(kOffer) + "User-Agent: Mozilla/5.0\r\n";
  const std::string window = "Sec-WebSocket-Extensions: permessage-deflate; "
                             "server_max_window_bits=10\r\n";
  std::vector<SmallBroker::Pipe> all;
  for (std::string_view fields : {kOffer, std::string_view(browser), std::string_view(window),
                                  std::string_view(), kOffer, std::string_view(browser)})
    all.push_back(subscribe(broker, "1", fields));
  for (size_t size : {100u, 1023u, 1024u, 5000u, 70000u, 400000u}) {
    CAPTURE(size);
    const std::string payload = chatter(size);
    const uint64_t before = broker.scratch.messages_deflated();
    const std::string head = "NATS/1.0\r\nA: b\r\n\r\n", total = std::to_string(size + head.size());
    publisher->feed("PUB a " + std::to_string(size) + "\r\n" + payload + "\r\n" + "HPUB a " +
                    std::to_string(head.size()) + " " + total + "\r\n" + head + payload + "\r\n");
    broker.settle();
    if (size >= kSharedPayloadMin) CHECK(broker.scratch.messages_deflated() == before + 2 * 3);
    const std::string rest = " " + std::to_string(size) + "\r\n" + payload + "\r\nHMSG a ";
    const std::string end =
        " " + std::to_string(head.size()) + " " + total + "\r\n" + head + payload + "\r\n";
    for (const SmallBroker::Pipe& pipe : all) CHECK(carried(pipe) == "MSG a 1" + rest + "1" + end);
    CHECK(test::take(tcp) == "MSG a tcp" + rest + "tcp" + end);
  }
}

TEST_CASE("a subscriber that reads slowly gets the shared bytes when it reads, and only they wait") {
  if (!net::kDeflateBuilt) return;
  SmallBroker broker(1, compressing());
  broker.broker.ws_rules.compression = true;
  SmallBroker::Pipe publisher = broker.client(0);
  SmallBroker::Pipe slow = subscribe(broker, "1", kOffer), quick = subscribe(broker, "2", kOffer);
  slow->allow(100);
  std::string wanted;
  for (int i = 0; i < 20; ++i) {
    const std::string payload = chatter(20000 + static_cast<size_t>(i));
    const std::string line = " " + std::to_string(payload.size()) + "\r\n";
    publisher->feed("PUB a" + line + payload + "\r\n");
    broker.settle();
    broker.scratch.forget_shared();
    wanted += "MSG a 1" + line + payload + "\r\n";
    CHECK(carried(quick) == "MSG a 2" + line + payload + "\r\n");
  }
  while (slow->written().size() < 10000) slow->allow(777);
  slow->allow(SIZE_MAX);
  broker.settle();
  CHECK(carried(slow) == wanted);
  CHECK(slow->written().empty());
}
