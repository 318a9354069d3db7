// Proves that a payload which a program hands over is written to sockets from where it lies: by the
// addresses that the streams are shown, on every reactor, and that it is given back once, after the
// last of them has taken it.
#include <doctest/doctest.h>

#include "server/inproc_clients.h"
#include "tests/server/small_broker.h"

using namespace pipit;
using namespace pipit::test;

namespace {

// A socket that remembers from where it was given bytes, and takes none until it is told to.
class Watched final : public net::ByteStream {
 public:
  struct Far {
    std::vector<iovec> shown;
    bool open = false;
    net::StreamHandler* handler = nullptr;
  };
  explicit Watched(Far& far) : far_(far) {}
  size_t write(std::span<const iovec> parts) override {
    if (!far_.open) return 0;
    size_t sum = 0;
    for (const iovec& part : parts) {
      far_.shown.push_back(part);
      sum += part.iov_len;
    }
    return sum;
  }
  void pause_reading() override {}
  void resume_reading() override {}
  void start(net::StreamHandler* handler) override { far_.handler = handler; }
  void close(uint16_t, std::string_view) override {}
  const net::PeerAddress& peer() const override { return peer_; }

 private:
  Far& far_;
  net::PeerAddress peer_{"watched", 1};
};

void feed(Watched::Far& far, std::string_view text) {
  const std::span<std::byte> room = far.handler->on_alloc();
  REQUIRE(room.size() >= text.size());
  std::memcpy(room.data(), text.data(), text.size());
  far.handler->on_read(text.size());
}

}  // namespace

TEST_CASE("64 KiB handed over go to sockets on every reactor without a copy") {
  constexpr size_t kSize = 64 * 1024;
  constexpr size_t kReactors = 3, kSockets = 6;
  std::vector<Watched::Far> far(kSockets);
  SmallBroker world(kReactors);
  for (size_t i = 0; i < kReactors; ++i) world[i].inproc().doorbell()->settle();
  for (size_t i = 0; i < kSockets; ++i) {
    world[i % kReactors].adopt(Wire::tcp, [&](Connection&) {
      return std::make_unique<Watched>(far[i]);
    });
    feed(far[i], "CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB big 1\r\n");
  }
  world.settle();

  struct Owner {
    std::string bytes = std::string(kSize, 'b');
    int released = 0;
  } owner;
  Payload payload = Payload::adopt(
      owner.bytes.data(), kSize, [](void* o) { ++static_cast<Owner*>(o)->released; }, &owner);
  Outgoing out;
  out.subject = "big";
  std::string block;
  SUBCASE("alone") {}
  SUBCASE("with headers") { block = "NATS/1.0\r\na: b\r\n\r\n"; }
  out.headers = block;
  out.bytes = payload.view();
  out.owned = &payload;
  auto link = connect_client(world.broker, world[0], {});
  REQUIRE(link.ok());
  REQUIRE(link.value()->publish(out, "test").ok());
  CHECK(payload.size() == 0);
  world.settle();
  CHECK(owner.released == 0);
  for (size_t i = 0; i < kSockets; ++i) {
    far[i].open = true;
    far[i].handler->on_writable();
    world.settle();
    size_t from_owner = 0, others = 0;
    for (const iovec& part : far[i].shown) {
      const auto* at = static_cast<const char*>(part.iov_base);
      if (at >= owner.bytes.data() && at < owner.bytes.data() + kSize)
        from_owner += part.iov_len;
      else
        others += part.iov_len;
    }
    CHECK(from_owner == kSize);
    CHECK(others < 1024);  // INFO, the MSG line, headers, CRLF
    CHECK(owner.released == (i + 1 == kSockets ? 1 : 0));
  }
}
