// TlsHandshakes: the threads on which TLS handshakes run, so that none costs a reactor its
// milliseconds; and the bound on how many run at a time.
//
// A handshake takes a Place before its first step and gives it back when it is over, however it
// ends. Each costs some 37 KiB while it lasts, so there are kMaxPending places; who finds none
// waits in line, unread, as long as its own deadline lets it. Threads start with the first step.
// Outlives every Place.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace pipit::net {

class TlsHandshakes {
 public:
  static constexpr size_t kMaxPending = 2048;

  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : home_(std::exchange(other.home_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(home_, other.home_);
      return *this;
    }
    ~Place() {
      if (home_ != nullptr) home_->leave();
    }
    explicit operator bool() const { return home_ != nullptr; }

   private:
    friend class TlsHandshakes;
    explicit Place(TlsHandshakes* home) : home_(home) {}
    TlsHandshakes* home_ = nullptr;
  };
  using Admitted = std::function<void(Place)>;

  explicit TlsHandshakes(unsigned threads, size_t max_pending = kMaxPending)
      : thread_count_(threads), free_(max_pending) {}
  ~TlsHandshakes() { stop(); }
  TlsHandshakes(const TlsHandshakes&) = delete;

  // All from any thread. `admitted` is called at once, or later on the thread that gave back a
  // place; it must not block and not call back.
  void enter(Admitted admitted);
  void run(std::function<void()> step);
  // Forgets the steps and the line; returns when no step runs. Then nothing starts any more.
  void stop();

 private:
  void leave();
  void work();

  const unsigned thread_count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> steps_;
  std::deque<Admitted> line_;
  std::vector<std::thread> threads_;
  size_t free_;
  bool stopping_ = false;
};

}  // namespace pipit::net
