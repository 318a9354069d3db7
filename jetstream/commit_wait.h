// CommitWait: how the worker of the API waits until what it did to the store is safe, before it
// says so. One worker; the store's thread reports.
#pragma once
#include <condition_variable>
#include <mutex>
#include <vector>

#include "jetstream/progress.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class CommitWait {
 public:
  // [store thread]
  void written(store::Ticket through);
  void durable(store::Ticket through);
  void failed(const FailedTickets& tickets);

  // [worker] Before the call whose ticket is waited for.
  void begin();
  // The error of the store if the ticket failed; Errc::closed after stop().
  Result<void> wait(store::Ticket ticket, AckWhen when);
  // [any thread] Nobody waits any more.
  void stop();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  store::Ticket written_ = 0, durable_ = 0;
  std::vector<FailedTickets> failed_;
  bool active_ = false, stopped_ = false;
};

}  // namespace pipit::js
