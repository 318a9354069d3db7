// Worker: the thread that executes requests of the API, one after the other, so that no reactor
// waits for a disk. When too many wait, all of them are dropped, as on nats-server: their clients
// time out and ask again, and the queue cannot grow without end.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace pipit::js {

struct ApiRequest {
  std::string subject, reply, headers, body;
};

class Worker {
 public:
  Worker(size_t limit, std::function<void(const ApiRequest&)> execute);
  ~Worker() { stop(); }

  // [any thread] How many were dropped, this one included; 0: it waits its turn.
  size_t push(ApiRequest request);
  // Starts the thread. Requests that came before wait for it.
  void start();
  // The request at hand is finished, others are dropped. Idempotent. [not the worker]
  void stop();

 private:
  void run();

  const size_t limit_;
  const std::function<void(const ApiRequest&)> execute_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<ApiRequest> queue_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace pipit::js
