#include "jetstream/worker.h"

namespace pipit::js {

Worker::Worker(size_t limit, std::function<void(const ApiRequest&)> execute)
    : limit_(limit), execute_(std::move(execute)) {}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

size_t Worker::push(ApiRequest request) {
  const std::lock_guard lock(mutex_);
  if (stop_) return 0;
  if (queue_.size() >= limit_) {
    const size_t dropped = queue_.size() + 1;
    queue_.clear();
    return dropped;
  }
  queue_.push_back(std::move(request));
  wake_.notify_one();
  return 0;
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    const ApiRequest request = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    execute_(request);
    lock.lock();
  }
}

void Worker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    queue_.clear();
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace pipit::js
