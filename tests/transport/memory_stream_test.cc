// Proves that the pipe in memory behaves as a TCP stream would: pieces, pausing, a slow reader, the
// end after the last bytes, silence after close().
#include "transport/memory_stream.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <utility>

#include "tests/transport/tcp_pair.h"

using namespace pipit::net;

TEST_CASE("bytes come in pieces no larger than the handler's buffer") {
  MemoryStream stream;
  Recorder handler(3);
  std::vector<size_t> sizes;
  handler.when_read = [&] { sizes.push_back(handler.received.size()); };
  stream.feed("before");
  CHECK(handler.received.empty());
  stream.start(&handler);
  stream.feed(" and after");
  CHECK(handler.received == "before and after");
  for (size_t i = 1; i < sizes.size(); ++i) CHECK(sizes[i] - sizes[i - 1] <= 3);
}

TEST_CASE("a paused stream keeps what is fed, and the end behind it") {
  MemoryStream stream;
  Recorder handler(4);
  handler.when_read = [&] { stream.pause_reading(); };
  stream.start(&handler);
  stream.feed("12345678");
  CHECK(handler.received == "1234");
  CHECK_FALSE(stream.reading());
  stream.end(ECONNRESET);
  CHECK(handler.ends == 0);
  handler.when_read = nullptr;
  stream.resume_reading();
  CHECK(handler.received == "12345678");
  CHECK(handler.ends == 1);
  CHECK(handler.end_errno == ECONNRESET);
  stream.end();
  stream.resume_reading();
  CHECK(handler.ends == 1);
  CHECK(write_text(stream, "gone") == 4);
  CHECK(stream.written().empty());
}

TEST_CASE("a peer that has ended its side still takes what is written") {
  MemoryStream stream;
  Recorder handler;
  stream.start(&handler);
  stream.allow(2);
  CHECK(write_text(stream, "last") == 2);
  stream.end();
  CHECK(handler.ends == 1);
  CHECK(handler.end_errno == 0);
  handler.when_writable = [&] { CHECK(write_text(stream, "st") == 2); };
  stream.allow(SIZE_MAX);
  CHECK(stream.written() == "last");
}

TEST_CASE("feeding from inside a callback keeps the order") {
  MemoryStream stream;
  Recorder handler(2);
  bool once = true;
  handler.when_read = [&] {
    if (std::exchange(once, false)) stream.feed("xyz");
  };
  stream.start(&handler);
  stream.feed("abcd");
  CHECK(handler.received == "abcdxyz");
}

TEST_CASE("a slow reader takes a part; more room calls on_writable once") {
  MemoryStream stream;
  Recorder handler;
  stream.start(&handler);
  CHECK(write_text(stream, "free") == 4);
  stream.allow(5);
  iovec parts[] = {part("abc"), part("defg"), part("h")};
  CHECK(stream.write(parts) == 5);
  CHECK(stream.written() == "freeabcde");
  CHECK(write_text(stream, "fgh") == 0);
  CHECK(handler.writables == 0);
  handler.when_writable = [&] { CHECK(write_text(stream, "fgh") == 3); };
  stream.allow(3);
  CHECK(handler.writables == 1);
  CHECK(stream.written() == "freeabcdefgh");
  stream.allow(SIZE_MAX);
  CHECK(handler.writables == 1);  // nothing came short since
}

TEST_CASE("close() is remembered and nothing is called after it") {
  MemoryStream stream;
  Recorder handler(1);
  handler.when_read = [&] { stream.close(1008, "no more"); };
  stream.start(&handler);
  stream.feed("ab");
  CHECK(handler.received == "a");
  CHECK(stream.closed());
  CHECK(stream.close_code() == 1008);
  CHECK(stream.close_text() == "no more");
  stream.close(1000, "again");
  CHECK(stream.close_code() == 1008);
  stream.feed("c");
  stream.end();
  stream.resume_reading();
  stream.allow(1);
  CHECK(handler.received == "a");
  CHECK(handler.ends == 0);
  CHECK(write_text(stream, "late") == 4);
}
