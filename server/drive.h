// Drive: who turns the loops of a server's reactors. One class a run mode; reactors know of none.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "pipit/options.h"
#include "pipit/result.h"
#include "server/reactor_loop.h"

namespace pipit {

using ReactorLoops = std::vector<std::unique_ptr<ReactorLoop>>;

class Drive {
 public:
  // A loop of the host's: that one turns us. Else no reactors: the caller does. Else own threads.
  static std::unique_ptr<Drive> make(const Options& options, ReactorLoops& loops);

  explicit Drive(ReactorLoops& loops) : loops_(loops) {}
  virtual ~Drive() = default;
  // [any thread] An error: not on this one.
  virtual Result<void> may_start() const { return {}; }
  // [owner] The loops turn, or will once somebody turns them.
  virtual Result<void> start() = 0;
  // [a reactor's thread] That reactor has ended: ends its loop. `gone` is called when that is done.
  virtual void end(ReactorLoop& loop, std::function<void()> gone) = 0;
  // [any thread] After every reactor was told to stop: returns when they have ended, or at once
  // where this thread is one of those that have to run for it. Runs those that nobody turns.
  virtual void wait() = 0;

  // [owner] Only where the caller turns the loop.
  virtual int fd() const { return -1; }
  virtual std::chrono::milliseconds timeout() const { return std::chrono::milliseconds(-1); }
  virtual Result<void> poll();

 protected:
  ReactorLoops& loops_;
};

}  // namespace pipit
