// pipit/server.h -- run a NATS broker inside this process.
//
// Threads.   A Server owns Options::reactors threads. Methods are marked [any] thread or [owner],
//            the thread that called create(). Callbacks run on a reactor: do not block, do not
//            destroy the Server, do not throw.
// Process.   No signal handlers, nothing on stdout or stderr, no change to locale, environment or
//            working directory. Writing to a socket whose peer has gone raises no SIGPIPE.
// Errors.    Nothing here throws. A failed Result names the call and carries the OS errno.
#pragma once
#include <pipit/options.h>
#include <pipit/result.h>

#include <functional>
#include <memory>
#include <string>

namespace pipit {

class Server {
 public:
  // Checks options and binds every listener. Accepts nothing and starts no thread yet; on failure
  // nothing is left behind.
  static Result<std::unique_ptr<Server>> create(Options options);
  ~Server();  // [owner] stop() if still running

  // Starts the reactors and accepts connections. Once.
  Result<void> start();  // [owner]
  // Refuses new connections, tells clients (INFO with ldm), closes them slowly over
  // lame_duck_duration, then stops. `done` is called on a reactor when the last client is gone.
  void lame_duck(std::function<void()> done);  // [any]
  // Closes every connection, joins the threads. Idempotent.
  void stop();  // [owner]

  // As bound, also when -1 was asked; 0: that listener is off.
  int client_port() const;     // [any]
  int websocket_port() const;  // [any]
  int monitor_port() const;    // [any]
  const std::string& id() const;  // [any] 56 characters, starts with N

  class Impl;

 private:
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipit
