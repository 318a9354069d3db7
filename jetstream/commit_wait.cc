#include "jetstream/commit_wait.h"

#include <algorithm>

namespace pipit::js {

void CommitWait::written(store::Ticket through) {
  const std::lock_guard lock(mutex_);
  written_ = through;
  if (active_) changed_.notify_all();
}

void CommitWait::durable(store::Ticket through) {
  const std::lock_guard lock(mutex_);
  durable_ = through;
  if (active_) changed_.notify_all();
}

void CommitWait::failed(const FailedTickets& tickets) {
  const std::lock_guard lock(mutex_);
  if (!active_) return;
  failed_.push_back(tickets);
  changed_.notify_all();
}

void CommitWait::begin() {
  const std::lock_guard lock(mutex_);
  failed_.clear();
  active_ = true;
}

Result<void> CommitWait::wait(store::Ticket ticket, AckWhen when) {
  std::unique_lock lock(mutex_);
  const auto failure = [&] {
    return std::find_if(failed_.begin(), failed_.end(), [&](const FailedTickets& each) {
      return each.from <= ticket && ticket <= each.through;
    });
  };
  // A failed ticket is passed by later ones that did not fail, so failures come first.
  changed_.wait(lock, [&] {
    return stopped_ || when == AckWhen::at_once || failure() != failed_.end() ||
           (when == AckWhen::durable ? durable_ : written_) >= ticket;
  });
  active_ = false;
  if (const auto found = failure(); found != failed_.end()) return found->error;
  if (stopped_) return Error{Errc::closed, 0, "JetStream", "the server stops"};
  return {};
}

void CommitWait::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

}  // namespace pipit::js
