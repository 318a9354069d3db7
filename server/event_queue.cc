#include "server/event_queue.h"

namespace pipit {

void EventQueue::note(const ConnectionEvent& event) {
  events_.push_back(
      {event, std::string(event.host), std::string(event.name), std::string(event.user)});
}

void EventQueue::tell() {
  telling_.swap(events_);
  for (Noted& noted : telling_) {
    noted.event.host = noted.host;
    noted.event.name = noted.name;
    noted.event.user = noted.user;
    callback_(noted.event);
  }
  telling_.clear();
}

}  // namespace pipit
