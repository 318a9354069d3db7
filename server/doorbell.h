// Doorbell: where threads of the program tell a reactor that a client of theirs has something for it.
// Shared by the reactor and those clients, so that it is still there when the reactor is gone.
//
// I1  A reactor says that it sleeps (seq_cst), then looks whether somebody rang (seq_cst); who rings
//     says so (seq_cst), then looks whether it sleeps (seq_cst). One of them sees the other.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace pipit {

class ClientLink;

class Doorbell {
 public:
  using Callers = std::vector<std::shared_ptr<ClientLink>>;

  // `wake` interrupts the reactor's sleep; called by any thread, until shut().
  explicit Doorbell(std::function<void()> wake) : wake_(std::move(wake)) {}

  // [any thread] False: the reactor takes nothing any more.
  bool ring(std::shared_ptr<ClientLink> caller);
  // [any thread] Is this the reactor's thread?
  bool here() const {
    return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // [reactor] This thread is the reactor's from now on.
  void settle() { thread_.store(std::this_thread::get_id(), std::memory_order_relaxed); }
  // [reactor] Who rang since the last call.
  bool rung() const { return rung_.load(std::memory_order_relaxed); }
  Callers take();
  // [reactor] False: somebody rang, do not sleep.
  bool prepare_sleep();
  void woke() { sleeping_.store(false, std::memory_order_relaxed); }
  // [reactor] Nobody is heard after this; gives back who was not. Idempotent.
  Callers shut();

 private:
  std::atomic<std::thread::id> thread_{};
  std::atomic<bool> rung_{false}, sleeping_{false};
  std::mutex mutex_;  // of what follows
  std::function<void()> wake_;
  Callers callers_;
  bool shut_ = false;
};

}  // namespace pipit
