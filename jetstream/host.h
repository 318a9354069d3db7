// Host: what JetStream asks of the server that it runs in, one for each reactor. The server
// implements it; JetStream includes nothing of server/ or transport/.
//
// Threads. Every call is made on the host's reactor (or before the reactors run); every callback
// comes there. A Guest is what JetStream keeps on a reactor; it outlives the host.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pipit::js {

// One message as the broker saw it. Views end with the call.
struct HostMessage {
  std::string_view subject;
  std::string_view reply;
  std::string_view headers;  // the whole block, empty if there is none
  std::string_view payload;
};

// Whom a subscription is for.
class Receiver {
 public:
  virtual ~Receiver() = default;
  // A message for it, straight from the publisher's read: nothing was copied. It may publish (that
  // waits its turn), but not subscribe or unsubscribe. False: not taken; whoever asked with a reply
  // may learn that there are no responders.
  virtual bool receive(const HostMessage& message) = 0;
};

class Guest {
 public:
  virtual ~Guest() = default;
  // Late in every turn of the reactor: answers for what this turn brought, what is due.
  virtual void turn() = 0;
  // The last call: the reactor closes, the host is gone when this returns.
  virtual void closed() = 0;
};

class Host {
 public:
  using Subscription = uint64_t;

  virtual ~Host() = default;
  // Publishes from the server itself, in order with earlier calls. Everything is copied.
  virtual void publish(const HostMessage& message) = 0;
  // Does anybody listen to `subject`, at this moment? Not inside Receiver::receive().
  virtual bool has_interest(std::string_view subject) = 0;
  // As any client would: the SUB is in effect when this returns. 0: not a valid subject.
  virtual Subscription subscribe(std::string_view subject, std::string_view queue,
                                 Receiver& receiver) = 0;
  virtual void unsubscribe(Subscription subscription) = 0;
  // The guest's turn() comes by this time of the store's monotonic clock; 0: not before something
  // else happens. Replaces the time given before.
  virtual void wake_at(int64_t monotonic_ns) = 0;
};

// A reactor, as JetStream is given it.
struct Home {
  Host* host = nullptr;
  // [any thread] Runs something on the reactor, soon, and a turn after it. False: it has closed.
  // May be called as long as the reactors exist, also after the host has gone.
  std::function<bool(std::function<void()>)> post;
};

}  // namespace pipit::js
