#include "transport/tls_handshakes.h"

namespace pipit::net {

void TlsHandshakes::enter(Admitted admitted) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (free_ == 0) {
      line_.push_back(std::move(admitted));
      return;
    }
    --free_;
  }
  admitted(Place(this));
}

void TlsHandshakes::leave() {
  Admitted next;
  {
    const std::lock_guard lock(mutex_);
    if (line_.empty()) {
      ++free_;
      return;
    }
    next = std::move(line_.front());
    line_.pop_front();
  }
  next(Place(this));
}

void TlsHandshakes::run(std::function<void()> step) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  steps_.push_back(std::move(step));
  if (threads_.size() < thread_count_) threads_.emplace_back([this] { work(); });
  changed_.notify_one();
}

void TlsHandshakes::stop() {
  // Destroyed without the lock: what they hold may be the last of a Place.
  std::deque<std::function<void()>> steps;
  std::deque<Admitted> line;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    steps.swap(steps_);
    line.swap(line_);
    changed_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void TlsHandshakes::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !steps_.empty(); });
    if (stopping_) return;
    {
      const std::function<void()> step = std::move(steps_.front());
      steps_.pop_front();
      lock.unlock();
      step();
    }
    lock.lock();
  }
}

}  // namespace pipit::net
