// Proves what TlsStream does with bytes once certificates are right: handshakes however the bytes
// come, records out of writes, a slow reader, pauses, both ends of a session, and peers that do not
// speak TLS or stop doing so. The peer is OpenSSL.
#include "transport/tls_stream.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <utility>

#include "tests/transport/tls_pair.h"

using namespace pipit::net;
using pipit::TlsOptions;
using Settings = pipit::test::TlsClient::Settings;

namespace {

TlsFiles& files() {
  static TlsFiles made;
  return made;
}
const std::shared_ptr<const TlsContext>& context() {
  static const auto loaded = load(files().options());
  return loaded;
}

std::string pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

// Sizes of the bodies of the records in `bytes`, all of application data.
std::vector<size_t> records(std::string_view bytes) {
  std::vector<size_t> sizes;
  while (bytes.size() >= 5) {
    CHECK(bytes[0] == 0x17);
    const auto at = [&](size_t i) {
      return static_cast<size_t>(static_cast<unsigned char>(bytes[i]));
    };
    sizes.push_back(at(3) << 8 | at(4));
    bytes.remove_prefix(std::min(bytes.size(), 5 + sizes.back()));
  }
  CHECK(bytes.empty());
  return sizes;
}

}  // namespace

TEST_CASE("after the handshake plain bytes go both ways") {
  TlsLoop loop;
  TlsPair pair(loop, context(), {.authority = &files().authority, .server_name = "localhost"});
  CHECK(write_text(*pair.stream, "too early") == 0);
  pair.exchange();
  REQUIRE(pair.opens == 1);
  CHECK(pair.hellos == 1);
  CHECK(pair.handler.writables == 1);
  CHECK_FALSE(pair.client.failed());
  CHECK("TLSv" + pair.tls.version == pair.client.version());
  CHECK(pair.tls.cipher_suite.starts_with("TLS_"));
  pair.client.write("hello");
  pair.pass();
  CHECK(pair.handler.received == "hello");
  CHECK(write_text(*pair.stream, "and you") == 7);
  CHECK(pair.received_by_client() == "and you");
}

TEST_CASE("a handshake comes through byte by byte, and what follows too") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  pair.exchange(1);
  REQUIRE(pair.opens == 1);
  pair.client.write(pattern(3000));
  pair.pass(1);
  CHECK(pair.handler.received == pattern(3000));
}

TEST_CASE("what the client sends together with the end of its handshake is not lost") {
  TlsLoop loop;
  TlsPair first(loop, context(), {.max_version = TLS1_2_VERSION});
  first.exchange();
  SSL_SESSION* ticket = first.client.session();
  TlsPair pair(loop, context(), {.max_version = TLS1_2_VERSION, .session = ticket});
  SSL_SESSION_free(ticket);
  pair.client.handshake();
  pair.pass();
  while (!pair.below->reading()) REQUIRE(loop.posted.run_next());
  pair.client.feed(std::exchange(pair.below->written(), {}));
  REQUIRE(pair.client.handshake());  // resumed: the last word is the client's
  pair.client.write("at once");
  pair.pass();
  CHECK(pair.opens == 0);
  while (pair.opens == 0) REQUIRE(loop.posted.run_next());
  CHECK(pair.handler.received == "at once");
}

TEST_CASE("a greeting is in the clear, until the peer begins TLS") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  CHECK(pair.stream->greet("INFO {}\r\n"));
  CHECK(std::exchange(pair.below->written(), {}) == "INFO {}\r\n");
  pair.client.handshake();
  pair.below->feed(pair.client.take());
  CHECK_FALSE(pair.stream->greet("too late"));
  pair.exchange();
  CHECK(pair.opens == 1);
}

TEST_CASE("a write becomes records of 16 KiB, whatever its parts") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  pair.exchange();
  pair.below->written().clear();
  const std::string text = pattern(150'000);
  std::vector<iovec> parts;
  const std::string_view all = text;
  for (size_t i = 0, n = 0; i < all.size(); ++n) {
    const std::string_view piece = all.substr(i, n % 5 == 0 ? 60'000 : n % 3 == 0 ? 0 : 1 + n * 11);
    parts.push_back(part(piece));
    i += piece.size();
  }
  CHECK(pair.stream->write(parts) == text.size());
  CHECK(records(pair.below->written()).size() == (text.size() + 16383) / 16384);
  CHECK(pair.received_by_client() == text);
}

TEST_CASE("a slow reader: what is held is bounded, counted, and comes in order") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  pair.exchange();
  pair.below->written().clear();
  const std::string text = pattern(500'000);
  size_t taken = 0;
  const auto show_the_rest = [&] {
    taken += write_text(*pair.stream, std::string_view(text).substr(taken));
  };
  pair.handler.when_writable = show_the_rest;
  pair.below->allow(1000);
  show_the_rest();
  CHECK(taken < text.size());
  CHECK(pair.stream->held_bytes() > 0);
  CHECK(pair.stream->held_bytes() <= TlsStream::kBatch + TlsSession::kMaxRecord + 1024);
  CHECK(write_text(*pair.stream, "x") == 0);
  std::string got;
  for (size_t room = 1; taken < text.size() || pair.stream->held_bytes() > 0;
       room = room * 3 % 9973 + 1) {
    pair.below->allow(room);
    got += pair.received_by_client();
  }
  CHECK(got == text);
  CHECK(pair.handler.writables > 1);
}

TEST_CASE("a paused handler gets nothing, and later everything") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  pair.exchange();
  const std::string text = pattern(100'000);
  pair.handler.when_read = [&] { pair.stream->pause_reading(); };
  pair.client.write(std::string_view(text).substr(0, 50'000));
  pair.client.write(std::string_view(text).substr(50'000));
  pair.pass();
  CHECK(pair.handler.received.size() == 4096);  // one buffer of the handler
  pair.pass();
  CHECK(pair.handler.received.size() == 4096);
  SUBCASE("at once") {
    pair.handler.when_read = nullptr;
    pair.stream->resume_reading();
  }
  SUBCASE("a buffer at a time") {
    while (pair.handler.received.size() < text.size()) pair.stream->resume_reading();
  }
  SUBCASE("resumed inside the callback") {
    pair.handler.when_read = [&] {
      pair.stream->pause_reading();
      pair.stream->resume_reading();
    };
    pair.stream->resume_reading();
  }
  CHECK(pair.handler.received == text);
  CHECK(pair.handler.allocs == 0);
}

TEST_CASE("the client's close_notify ends reading; the server may still write, and says it too") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  pair.exchange();
  pair.client.write("last words");
  pair.client.close();
  pair.pass();
  CHECK(pair.handler.received == "last words");
  CHECK(pair.handler.ends == 1);
  CHECK(pair.handler.end_errno == 0);
  CHECK(write_text(*pair.stream, "answer") == 6);
  const std::string answer = std::exchange(pair.below->written(), {});
  CHECK(records(answer).size() == 1);
  pair.stream->close(0, {});
  CHECK_FALSE(pair.below->written().empty());  // close_notify
  CHECK(pair.below->closed());
}

TEST_CASE("the server's close reaches the client as close_notify, behind what was written") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  pair.exchange();
  CHECK(write_text(*pair.stream, "bye") == 3);
  pair.stream->close(0, {});
  CHECK(pair.received_by_client() == "bye");
  CHECK(pair.client.ended());
  CHECK(write_text(*pair.stream, "nobody hears") == 12);
}

TEST_CASE("a cut connection ends the stream as it does without TLS") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  SUBCASE("before a byte") {}
  SUBCASE("in the middle of the hello") {
    pair.client.handshake();
    pair.below->feed(pair.client.take().substr(0, 40));
  }
  SUBCASE("behind the handshake") { pair.exchange(); }
  pair.below->end();
  CHECK(pair.handler.ends == 1);
  CHECK(pair.handler.end_errno == 0);
  pair.stream->close(0, {});
}

TEST_CASE("a broken record ends the session, with an alert") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  pair.exchange();
  pair.client.write("an honest record");
  std::string bytes = pair.client.take();
  SUBCASE("a bit turned over") { bytes.back() ^= 1; }
  SUBCASE("its length too large") { bytes[3] = '\x7f'; }
  SUBCASE("another version") { bytes[1] = '\x09'; }
  SUBCASE("another type") { bytes[0] = '\x42'; }
  SUBCASE("sent again") {
    pair.below->feed(bytes);
    CHECK(pair.handler.received == "an honest record");
    pair.handler.received.clear();
  }
  pair.below->feed(bytes);
  CHECK(pair.handler.received.empty());
  CHECK(pair.handler.ends == 1);
  CHECK(pair.handler.end_errno == EPROTO);
  CHECK(write_text(*pair.stream, "never sent") == 10);
  pair.stream->close(0, {});
  CHECK(pair.below->closed());
}

TEST_CASE("garbage that begins like TLS fails the handshake") {
  TlsLoop loop;
  TlsPair pair(loop, context());
  std::string bytes;
  SUBCASE("a hello of nonsense") { bytes = std::string("\x16\x03\x01\x00\x05hello", 10); }
  SUBCASE("a length that no record has") {
    bytes = std::string("\x16\x03\x01\xff\xff", 5) + "junk";
  }
  SUBCASE("an alert after half a handshake") {
    pair.client.handshake();
    bytes = pair.client.take() + std::string("\x15\x03\x03\x00\x02\x02\x28", 7);
  }
  pair.below->feed(bytes);
  while (pair.handler.ends == 0) {
    REQUIRE(loop.posted.run_next());
    pair.below->feed(bytes);
  }
  CHECK(pair.opens == 0);
  CHECK(pair.handler.end_errno == EPROTO);
}

TEST_CASE("who does not speak TLS") {
  TlsLoop loop;
  SUBCASE("is refused") {
    TlsPair pair(loop, context());
    pair.below->feed("CONNECT {}\r\n");
    CHECK(pair.handler.ends == 1);
    CHECK(pair.below->written().empty());
    CHECK(pair.opens == 0);
  }
  SUBCASE("is told so, where the port has words for it") {
    TlsPair pair(loop, context(), {}, false, "HTTP/1.0 400 Bad Request\r\n\r\n");
    pair.below->feed("GET / HTTP/1.1\r\n");
    CHECK(pair.below->written() == "HTTP/1.0 400 Bad Request\r\n\r\n");
    CHECK(pair.handler.ends == 1);
  }
  SUBCASE("may be welcome") {
    TlsPair pair(loop, context(), {}, true);
    pair.stream->greet("INFO {}\r\n");
    CHECK(write_text(*pair.stream, "undecided") == 0);
    bool paused = false;
    SUBCASE("reading") {}
    SUBCASE("paused before") {
      paused = true;
      pair.stream->pause_reading();
    }
    pair.below->feed("C");
    CHECK(pair.opens == 1);
    CHECK(pair.tls.version.empty());
    CHECK(pair.handler.writables == 1);
    pair.below->feed("ONNECT {}\r\n");
    if (paused) {
      CHECK(pair.handler.received.empty());
      pair.stream->resume_reading();
    }
    CHECK(pair.handler.received == "CONNECT {}\r\n");
    pair.below->written().clear();
    CHECK(write_text(*pair.stream, "PONG\r\n") == 6);
    CHECK(pair.below->written() == "PONG\r\n");
    pair.stream->close(0, {});
    CHECK(pair.below->written() == "PONG\r\n");
  }
  SUBCASE("where it may, who does is still secured") {
    TlsPair pair(loop, context(), {}, true);
    pair.exchange();
    CHECK(pair.opens == 1);
    CHECK_FALSE(pair.tls.version.empty());
  }
}

TEST_CASE("renegotiation is refused, and asking again and again costs no memory") {
  TlsLoop loop;
  TlsPair pair(loop, context(), {.max_version = TLS1_2_VERSION});
  pair.exchange();
  REQUIRE(pair.opens == 1);
  pair.below->allow(0);  // and the client reads nothing
  for (int i = 0; i < 100; ++i) {
    pair.client.renegotiate();
    pair.below->feed(pair.client.take());
  }
  CHECK(pair.stream->held_bytes() < 200'000);
  pair.below->allow(SIZE_MAX);
  pair.client.feed(std::exchange(pair.below->written(), {}));
  pair.client.handshake();
  CHECK((pair.client.failed() || pair.handler.ends == 1));
}

TEST_CASE("a stream may be closed or dropped while its handshake runs elsewhere") {
  TlsLoop loop;
  for (int i = 0; i < 20; ++i) {
    auto pair = std::make_unique<TlsPair>(loop, context());
    pair->client.handshake();
    pair->below->feed(pair->client.take());
    CHECK_FALSE(pair->below->reading());
    if (i % 2 == 0) pair->stream->close(0, {});
    pair.reset();
  }
  // What comes back finds nobody.
  TlsPair last(loop, context());
  last.exchange();
  CHECK(last.opens == 1);
}
