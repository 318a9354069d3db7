#include "server/drive.h"

#include <system_error>

namespace pipit {
namespace {

// A thread for each reactor.
class OwnThreads final : public Drive {
 public:
  using Drive::Drive;
  ~OwnThreads() override { wait(); }

  Result<void> start() override {
    const std::lock_guard lock(mutex_);
    for (auto& loop : loops_) {
      try {
        threads_.emplace_back([&reactor = *loop] { reactor.run(); });
      } catch (const std::system_error& error) {
        return Error{Errc::io, error.code().value(), "Server::start", "cannot start a thread"};
      }
    }
    return {};
  }
  void end(ReactorLoop& loop, std::function<void()> gone) override {
    loop.loop().stop();
    gone();
  }
  void wait() override {
    for (auto& loop : loops_)
      if (loop->here()) return;
    const std::lock_guard lock(mutex_);
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
    for (size_t i = threads_.size(); i < loops_.size(); ++i) loops_[i]->run();
  }

 private:
  std::mutex mutex_;
  std::vector<std::thread> threads_;
};

// One reactor, turned by a thread of the host's: the one that created the server.
class HostThread : public Drive {
 public:
  explicit HostThread(ReactorLoops& loops) : Drive(loops) {
    loops_[0]->answer_at_once();
    loops_[0]->settle();
  }
  Result<void> may_start() const override {
    if (loops_[0]->here()) return {};
    return Error{Errc::invalid_argument, 0, "Server::start",
                 "start() belongs to the thread that called create()"};
  }
  Result<void> start() override { return {}; }
};

// A guest on the host's loop. Nobody can wait here for what only the host's own turns bring about.
class HostLoop final : public HostThread {
 public:
  using HostThread::HostThread;

  void end(ReactorLoop& loop, std::function<void()> gone) override {
    loop.loop().close(std::move(gone));
  }
  void wait() override {}
};

// Turned by poll().
class CallerDriven final : public HostThread {
 public:
  using HostThread::HostThread;

  void end(ReactorLoop& loop, std::function<void()> gone) override {
    loop.loop().stop();
    gone();
  }
  void wait() override {
    if (!loops_[0]->here() || in_callback()) return;
    polling_ = true;
    loops_[0]->run();
    polling_ = false;
  }

  int fd() const override { return loops_[0]->loop().backend_fd(); }
  // Elsewhere: at once, and poll() says what is wrong.
  std::chrono::milliseconds timeout() const override {
    return std::chrono::milliseconds(loops_[0]->here() ? loops_[0]->timeout_ms() : 0);
  }
  Result<void> poll() override {
    if (!loops_[0]->here())
      return Error{Errc::invalid_argument, 0, "Server::poll",
                   "poll() belongs to the thread that called create()"};
    if (in_callback())
      return Error{Errc::invalid_argument, 0, "Server::poll", "poll() was called in a callback"};
    polling_ = true;
    loops_[0]->poll();
    polling_ = false;
    if (loops_[0]->ended()) return Error{Errc::closed, 0, "Server::poll", "the server has stopped"};
    return {};
  }

 private:
  // Of the reactor: inside poll(), or the log callback inside a call of a Client.
  bool in_callback() const { return polling_ || loops_[0]->reactor().delivery().busy(); }

  bool polling_ = false;  // the driving thread's
};

}  // namespace

std::unique_ptr<Drive> Drive::make(const Options& options, ReactorLoops& loops) {
  if (options.loop != nullptr) return std::make_unique<HostLoop>(loops);
  if (options.reactors == 0) return std::make_unique<CallerDriven>(loops);
  return std::make_unique<OwnThreads>(loops);
}

Result<void> Drive::poll() {
  return Error{Errc::invalid_argument, 0, "Server::poll",
               "this server is not driven by its caller: Options::reactors is not 0"};
}

}  // namespace pipit
