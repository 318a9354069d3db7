// Proves over real loopback sockets that a TcpStream keeps the contract of ByteStream: order,
// budget, pausing, short writes, and every way in which a peer can go away, without a spin or a
// SIGPIPE.
#include "transport/tcp_stream.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "tests/transport/tcp_pair.h"

using namespace pipit::net;

namespace {

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26 + i / 4099 % 3);
  return text;
}

// Sends without blocking until the kernel takes no more.
size_t fill(int fd) {
  std::string block(64 * 1024, 'x');
  size_t total = 0;
  for (ssize_t n; (n = send(fd, block.data(), block.size(), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0;) {
    total += static_cast<size_t>(n);
  }
  return total;
}

std::string read_to_end(int fd, int& error) {
  std::string all;
  char buffer[64 * 1024];
  ssize_t n;
  while ((n = recv(fd, buffer, sizeof buffer, 0)) > 0) all.append(buffer, static_cast<size_t>(n));
  error = n < 0 ? errno : 0;
  return all;
}

struct Fixture {
  Loop loop;
  TcpPair pair;
  Recorder handler;
  TcpStream stream{loop, pair.server, {"127.0.0.1", 9}};
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "bytes go both ways in order") {
  stream.start(&handler);
  pair.send_all("hello");
  run_until(loop, [&] { return handler.received == "hello"; });
  iovec parts[] = {part("wo"), part(""), part("rld")};
  CHECK(stream.write(parts) == 5);
  char buffer[16];
  CHECK(recv(pair.client, buffer, 5, MSG_WAITALL) == 5);
  CHECK(std::string_view(buffer, 5) == "world");
  CHECK(handler.allocs == 0);
  CHECK(stream.peer().host == "127.0.0.1");
}

TEST_CASE_FIXTURE(Fixture, "what came before start() is read after it") {
  pair.send_all("early");
  CHECK(turns_within(loop, 5) < 10);
  CHECK(handler.received.empty());
  stream.start(&handler);
  run_until(loop, [&] { return handler.received == "early"; });
}

TEST_CASE_FIXTURE(Fixture, "the end of the peer comes once, after its last bytes") {
  stream.start(&handler);
  pair.send_all("bye");
  pair.close_client();
  run_until(loop, [&] { return handler.ends > 0; });
  CHECK(handler.received == "bye");
  CHECK(handler.end_errno == 0);
  CHECK(turns_within(loop, 5) < 10);
  CHECK(handler.ends == 1);
  CHECK(write_text(stream, "nobody hears") == 12);
}

TEST_CASE_FIXTURE(Fixture, "who has ended its own side still gets all that is written, and it costs no spin") {
  const std::string text = pattern(16'000'000);
  std::string_view left = text;
  const auto write_on = [&] { left.remove_prefix(write_text(stream, left)); };
  handler.when_end = write_on;
  handler.when_writable = write_on;
  stream.start(&handler);
  shutdown(pair.client, SHUT_WR);
  run_until(loop, [&] { return handler.ends == 1; });
  CHECK(handler.end_errno == 0);
  REQUIRE_FALSE(left.empty());
  CHECK(turns_within(loop, 20) < 20);
  std::string got;
  char buffer[64 * 1024];
  while (got.size() < text.size()) {
    uv_run(loop.uv(), UV_RUN_NOWAIT);
    const ssize_t n = recv(pair.client, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n > 0) got.append(buffer, static_cast<size_t>(n));
  }
  CHECK(got == text);
  stream.resume_reading();
  CHECK(turns_within(loop, 20) < 20);
  CHECK(handler.ends == 1);
}

TEST_CASE_FIXTURE(Fixture, "a reset is an end with its errno") {
  stream.start(&handler);
  pair.reset_client();
  run_until(loop, [&] { return handler.ends > 0; });
  CHECK(handler.end_errno == ECONNRESET);
  CHECK(handler.allocs == 0);
}

TEST_CASE_FIXTURE(Fixture, "one turn reads no more than the budget, however fast the peer is") {
  constexpr size_t kAtLeast = 4 * TcpStream::kReadBudget;
  Recorder reader(512);  // small, so that no read comes short while the peer keeps up
  size_t sent = fill(pair.client);
  reader.when_read = [&] {
    if (sent < kAtLeast) sent += fill(pair.client);
  };
  stream.start(&reader);
  size_t largest = 0;
  do {
    size_t before = reader.received.size();
    uv_run(loop.uv(), UV_RUN_ONCE);
    largest = std::max(largest, reader.received.size() - before);
  } while (reader.received.size() < sent);
  CHECK(sent >= kAtLeast);
  CHECK(largest <= TcpStream::kReadBudget);
  CHECK(reader.received == std::string(sent, 'x'));
}

TEST_CASE_FIXTURE(Fixture, "a paused reader reads nothing, does not spin, and misses nothing") {
  handler.when_read = [&] { stream.pause_reading(); };
  stream.start(&handler);
  pair.send_all(std::string(3 * 4096, 'p'));
  run_until(loop, [&] { return !handler.received.empty(); });
  CHECK(handler.received.size() <= 4096);  // paused in the middle of a burst
  size_t before = handler.received.size();
  pair.close_client();  // the end is level-triggered as well
  CHECK(turns_within(loop, 20) < 10);
  CHECK(handler.received.size() == before);
  CHECK(handler.ends == 0);
  handler.when_read = nullptr;
  stream.resume_reading();
  run_until(loop, [&] { return handler.ends > 0; });
  CHECK(handler.received.size() == 3 * 4096);
}

TEST_CASE_FIXTURE(Fixture, "a full socket takes a part, and on_writable brings the rest in order") {
  stream.start(&handler);
  std::string all = pattern(24 * 1024 * 1024);
  size_t taken = 0;
  auto push = [&] { taken += write_text(stream, std::string_view(all).substr(taken)); };
  handler.when_writable = push;
  push();
  REQUIRE(taken < all.size());
  CHECK(write_text(stream, std::string_view(all).substr(taken)) == 0);
  CHECK(turns_within(loop, 20) < 10);  // nobody reads: nothing to do
  std::string got;
  set_non_blocking(pair.client);
  std::vector<char> buffer(1024 * 1024);
  while (got.size() < all.size()) {
    ssize_t n = recv(pair.client, buffer.data(), buffer.size(), 0);
    if (n > 0) got.append(buffer.data(), static_cast<size_t>(n));
    uv_run(loop.uv(), UV_RUN_NOWAIT);
  }
  CHECK(got == all);
  CHECK(handler.writables > 0);
  int writables = handler.writables;
  CHECK(turns_within(loop, 20) < 10);  // room is no longer watched for
  CHECK(handler.writables == writables);
}

TEST_CASE_FIXTURE(Fixture, "more parts than one sendmsg takes") {
  stream.start(&handler);
  std::string all = pattern(5000);
  std::vector<iovec> parts;
  for (size_t i = 0; i < all.size(); ++i) parts.push_back(part(std::string_view(all).substr(i, 1)));
  CHECK(stream.write(parts) == all.size());
  stream.close(0, {});
  int error;
  CHECK(read_to_end(pair.client, error) == all);
  CHECK(error == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "a write to a dead peer takes all, and the end follows in a later turn") {
  bool paused = false;
  SUBCASE("reading") {}
  SUBCASE("paused") { paused = true; }
  stream.start(&handler);
  if (paused) stream.pause_reading();
  pair.reset_client();
  CHECK(write_text(stream, "one") == 3);
  CHECK(write_text(stream, "two") == 3);
  CHECK(handler.ends == 0);
  run_until(loop, [&] { return handler.ends > 0; });
  CHECK(handler.end_errno != 0);
  CHECK(turns_within(loop, 5) < 10);
  CHECK(handler.ends == 1);
}

TEST_CASE_FIXTURE(Fixture, "a write after the peer has hung up raises no signal") {
  stream.start(&handler);
  stream.pause_reading();
  pair.close_client();
  CHECK(write_text(stream, "one") == 3);  // answered by a reset, so the next is EPIPE
  CHECK(write_text(stream, "two") == 3);
  run_until(loop, [&] { return handler.ends > 0; });
  CHECK(handler.end_errno == EPIPE);
}

TEST_CASE_FIXTURE(Fixture, "a write that fails before start() is told of after it") {
  pair.reset_client();
  CHECK(write_text(stream, "INFO") == 4);
  CHECK(write_text(stream, "INFO") == 4);
  CHECK(turns_within(loop, 5) < 10);
  stream.start(&handler);
  run_until(loop, [&] { return handler.ends > 0; });
}

TEST_CASE_FIXTURE(Fixture, "what the peer sent before it reset is read though a write failed") {
  CHECK(write_text(stream, "unread by the peer") == 18);
  char first;
  REQUIRE(recv(pair.client, &first, 1, 0) == 1);  // the rest is there now, so close() resets
  pair.send_all("PUB last 0\r\n\r\n");
  pair.close_client();
  CHECK(write_text(stream, "+OK") == 3);
  CHECK(write_text(stream, "+OK") == 3);
  stream.start(&handler);
  run_until(loop, [&] { return handler.ends > 0; });
  CHECK(handler.received == "PUB last 0\r\n\r\n");
}

TEST_CASE_FIXTURE(Fixture, "a paused writer notices that the peer is gone") {
  stream.start(&handler);
  stream.pause_reading();
  std::string block(1024 * 1024, 'w');
  while (write_text(stream, block) == block.size()) continue;
  handler.when_writable = [&] { write_text(stream, block); };
  pair.reset_client();
  run_until(loop, [&] { return handler.ends > 0; });
  CHECK(handler.end_errno != 0);
}

TEST_CASE_FIXTURE(Fixture, "close() inside any callback is the last of it") {
  auto close = [&] { stream.close(0, {}); };
  SUBCASE("on_read") {
    handler.when_read = close;
    stream.start(&handler);
    pair.send_all(std::string(100'000, 'r'));
    run_until(loop, [&] { return !handler.received.empty(); });
    CHECK(handler.received.size() <= 4096);
  }
  SUBCASE("on_writable") {
    handler.when_writable = close;
    stream.start(&handler);
    std::string block(1024 * 1024, 'w');
    while (write_text(stream, block) == block.size()) continue;
    set_non_blocking(pair.client);
    std::vector<char> buffer(1024 * 1024);
    while (handler.writables == 0) {
      (void)!recv(pair.client, buffer.data(), buffer.size(), 0);
      uv_run(loop.uv(), UV_RUN_NOWAIT);
    }
    CHECK(handler.writables == 1);
  }
  SUBCASE("on_end") {
    handler.when_end = close;
    stream.start(&handler);
    pair.close_client();
    run_until(loop, [&] { return handler.ends > 0; });
  }
  size_t received = handler.received.size();
  int ends = handler.ends;
  CHECK(turns_within(loop, 5) < 10);
  CHECK(handler.received.size() == received);
  CHECK(handler.ends == ends);
  CHECK(write_text(stream, "late") == 4);
  stream.resume_reading();
  close();
}

TEST_CASE_FIXTURE(Fixture, "the last words arrive although the peer's input was never read") {
  stream.start(&handler);
  stream.pause_reading();
  pair.send_all(std::string(50'000, 'u'));
  CHECK(write_text(stream, "-ERR 'bye'\r\n") == 12);
  stream.close(0, {});
  int error;
  CHECK(read_to_end(pair.client, error) == "-ERR 'bye'\r\n");
  CHECK(error == 0);
}

TEST_CASE("what was read from the socket before comes first, without a word from the peer") {
  Loop loop;
  TcpPair pair;
  Recorder handler(7);
  TcpStream stream(loop, pair.server, {"127.0.0.1", 9}, "the beginning, ");
  stream.start(&handler);
  CHECK(handler.received == "");  // start() itself calls nobody
  SUBCASE("paused in the middle") {
    handler.when_read = [&] { stream.pause_reading(); };
    run_until(loop, [&] { return !handler.received.empty(); });
    handler.when_read = nullptr;
    CHECK(turns_within(loop, 5) < 5);
    CHECK(handler.received == "the beg");
    stream.resume_reading();
  }
  SUBCASE("at once") {}
  run_until(loop, [&] { return handler.received == "the beginning, "; });
  CHECK(turns_within(loop, 5) < 5);
  pair.send_all("the rest");
  run_until(loop, [&] { return handler.received == "the beginning, the rest"; });
  pair.close_client();
  run_until(loop, [&] { return handler.ends == 1; });
  CHECK(handler.allocs == 0);
}

TEST_CASE("a stream may be closed by the first of what was read before") {
  Loop loop;
  TcpPair pair;
  Recorder handler(4);
  TcpStream stream(loop, pair.server, {"127.0.0.1", 9}, "many bytes");
  handler.when_read = [&] { stream.close(0, {}); };
  stream.start(&handler);
  run_until(loop, [&] { return !handler.received.empty(); });
  CHECK(handler.received == "many");
}
