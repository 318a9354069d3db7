// pipit/server.h -- run a NATS broker inside this process.
//
// Run modes. Options decide who runs it:
//            own threads (the default): Options::reactors threads, started and joined in here;
//            the host's libuv loop (Options::loop): one reactor, a guest on that loop;
//            the caller (Options::reactors = 0): one reactor, which runs inside poll().
// Threads.   Methods are marked [any] thread or [owner]: the thread that called create(), which with
//            Options::loop runs that loop and without reactors calls poll(). Callbacks run on a
//            reactor: do not block in them, do not throw. stop() is allowed there, destroying the
//            Server is not, but in the `done` of stop() on a host's loop.
// Process.   No signal handlers, nothing on stdout or stderr, no change to locale, environment or
//            working directory, nothing global: servers in one process do not know of each other.
//            Writing to a socket whose peer has gone raises no SIGPIPE.
// Errors.    Nothing here throws. A failed Result names the call and carries the OS errno.
#pragma once
#include <pipit/client.h>
#include <pipit/export.h>
#include <pipit/options.h>
#include <pipit/result.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace pipit {

// What a socket that the host gives away carries.
enum class Handover : uint8_t {
  nats,       // a NATS client, which waits for INFO
  websocket,  // an HTTP/1.1 client that asks for an upgrade to WebSocket
};

class PIPIT_API Server {
 public:
  // Checks options and binds every listener. Accepts nothing and starts no thread yet; on failure
  // nothing is left behind.
  static Result<std::unique_ptr<Server>> create(Options options) noexcept;
  // [owner] In any state. Own threads: stop() first. Driven by the caller: the same, on the driving
  // thread; elsewhere connections are cut. On a host's loop connections are cut, and nothing of
  // Pipit calls back any more but the `done` of a stop() under way; the loop still closes our
  // handles when it turns next (until then uv_loop_close() says UV_EBUSY).
  ~Server();

  // [owner] Starts the reactors and accepts connections. Once; not after stop().
  Result<void> start() noexcept;
  // [any] Refuses new connections, tells clients (INFO with ldm) and closes them slowly over
  // lame_duck_duration. `done` is called on a reactor when the last client is gone; it may call
  // stop(). Where the server does not run, or is at it already: nothing, and `done` is dropped.
  void lame_duck(std::function<void()> done) noexcept;

  // [any] Closes listeners, then every connection (what is pending is sent for at most 100 ms).
  // Any number of times, by any number of threads, in callbacks too.
  //   Own threads: returns when all of them have ended; called on a reactor (in a callback) it
  //     returns at once, and another stop() or ~Server() waits.
  //   Host's loop: returns at once; the loop does the rest. Ask stop(done).
  //   Caller: on the driving thread returns when all is done; inside poll() or on another thread at
  //     once, and the next poll()s do the rest, until one returns Errc::closed.
  void stop() noexcept;
  // [any] The same without waiting. `done` is called when nothing of this server runs any more: by
  // the host's loop, with every handle closed and its close callback run; inside poll(); on the
  // last reactor's thread; or in here if it had stopped already.
  void stop(std::function<void()> done) noexcept;

  // [any] Gives away a connected stream socket, with what was read from it already: the start of a
  // NATS client's words or none, or the upgrade request as far as it was read (and never anything
  // that was not read from this socket). What is said of the client and websocket blocks, limits,
  // authorization and origins holds; a listener need not be configured. On success the socket is
  // Pipit's, whatever comes of it; on failure it is still the caller's, as it was.
  Result<void> adopt(int fd, std::span<const std::byte> read_already, Handover kind) noexcept;

  // [any] A client inside this process; before start() too, when what it asks for waits for that.
  // Errc::denied: wrong credentials, which are checked in here (bcrypt takes its time).
  Result<std::unique_ptr<Client>> connect(const ClientOptions& options = {}) noexcept;

  // [any] Reads the files of every TLS certificate anew; connections from now on get those. All or
  // nothing: on failure what was in use stays. Session tickets from before open nothing any more.
  Result<void> reload_certificates() noexcept;

  // [any] Other options from now on, all of them or none, and certificates read anew as above.
  // `log` and `on_event` stay those of create(). Errc::invalid_argument names the fields that a
  // running server cannot change: where it listens, its name, run mode, JetStream, headers, the
  // WebSocket block but for its certificates, and whether there is TLS. Connections that are there
  // stay, with the maximum control line and the TLS that they began with, and clients in the
  // process with their limits; all else holds for them too, once their reactor turns.
  Result<void> reload(Options options) noexcept;

  // As bound, also when -1 was asked; 0: that listener is off.
  int client_port() const noexcept;        // [any]
  int websocket_port() const noexcept;     // [any]
  int monitor_port() const noexcept;       // [any]
  const std::string& id() const noexcept;  // [any] 56 characters, starts with N

  // Driven by the caller: wait until fd() is readable or timeout() is over, then poll(). One thread.
  // Other threads (stop(), adopt()) make fd() readable.
  int fd() const noexcept;                             // [owner] for epoll, poll, select; else -1
  std::chrono::milliseconds timeout() const noexcept;  // [owner] ask right before waiting; -1: forever
  // [owner] Does what there is to do now and never blocks; sockets are looked at every 50 us while
  // clients in the process keep it busy. An error: Errc::closed once it has
  // stopped, Errc::invalid_argument where nobody shall call this.
  Result<void> poll() noexcept;

  class Impl;

 private:
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipit
