// A TlsStream over a MemoryStream, and OpenSSL at the other end of it.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "tests/support/deadline.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_client.h"
#include "tests/transport/tcp_pair.h"
#include "transport/memory_stream.h"
#include "transport/tls_stream.h"

namespace pipit::net {

// Certificates of a test, as files.
struct TlsFiles {
  test::TempDir dir;
  test::Issued authority = test::issue({.name = "authority"});
  int count = 0;

  TlsCertificate write(const test::Issued& issued) {
    const std::string n = std::to_string(++count);
    return {dir.write("cert" + n + ".pem", issued.certificate_pem()).string(),
            dir.write("key" + n + ".pem", issued.key_pem()).string()};
  }
  std::string authority_file() {
    return dir.write("ca" + std::to_string(++count) + ".pem", authority.certificate_pem()).string();
  }
  // Of a server called localhost.
  TlsOptions options() {
    TlsOptions options;
    options.certificates.push_back(write(test::issue({.issuer = &authority})));
    return options;
  }
};

// Requires: it can be loaded.
inline std::shared_ptr<const TlsContext> load(const TlsOptions& options) {
  return std::move(TlsContext::load(options)).value();
}

// What a Loop is to a TlsStream: a place where other threads have something called.
class Posted {
 public:
  std::function<void(std::function<void()>)> post() {
    return [this](std::function<void()> call) {
      const std::lock_guard lock(mutex_);
      calls_.push_back(std::move(call));
      changed_.notify_one();
    };
  }
  // Runs what is there, waiting for it if there is nothing; false: nothing came.
  bool run_next() {
    std::function<void()> call;
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return !calls_.empty(); }))
        return false;
      call = std::move(calls_.front());
      calls_.pop_front();
    }
    call();
    return true;
  }
  bool empty() {
    const std::lock_guard lock(mutex_);
    return calls_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
};

struct TlsLoop {
  explicit TlsLoop(size_t max_pending = TlsHandshakes::kMaxPending, unsigned threads = 2)
      : handshakes(threads, max_pending) {}
  ~TlsLoop() { handshakes.stop(); }
  TlsScratch scratch;
  Posted posted;
  TlsHandshakes handshakes;
};

// One connection.
struct TlsPair {
  TlsPair(TlsLoop& home, std::shared_ptr<const TlsContext> context,
          const test::TlsClient::Settings& settings = {}, bool allow_plain = false,
          std::string_view plain_answer = {})
      : loop(home), client(settings) {
    auto memory = std::make_unique<MemoryStream>();
    below = memory.get();
    stream = std::make_unique<TlsStream>(
        std::move(memory),
        TlsStream::Settings{std::move(context), &home.handshakes, &home.scratch, home.posted.post(),
                            allow_plain, plain_answer},
        TlsStream::Events{[this] { ++hellos; },
                          [this](const TlsPeer* peer) {
                            ++opens;
                            if (peer != nullptr) tls = *peer;
                          }});
    stream->start(&handler);
  }

  // Carries bytes both ways, `piece` at a time to the server, until neither side has more to say.
  void exchange(size_t piece = SIZE_MAX) {
    for (;;) {
      client.handshake();
      if (pass(piece)) continue;
      if (opens > 0 || handler.ends > 0 || below->reading()) return;
      if (!loop.posted.run_next()) return;  // a step runs
    }
  }
  // What there is now. False: nothing.
  bool pass(size_t piece = SIZE_MAX) {
    const std::string out = client.take();
    for (size_t i = 0; i < out.size(); i += std::min(piece, out.size() - i))
      below->feed(std::string_view(out).substr(i, piece));
    const std::string in = std::exchange(below->written(), {});
    client.feed(in);
    return !out.empty() || !in.empty();
  }
  // As exchange(), for bytes of the open session.
  std::string received_by_client() {
    std::string got;
    do got += client.read();
    while (pass());
    return got + client.read();
  }

  TlsLoop& loop;
  test::TlsClient client;
  Recorder handler;
  MemoryStream* below;
  std::unique_ptr<TlsStream> stream;
  TlsPeer tls;
  int hellos = 0, opens = 0;
};

}  // namespace pipit::net
