// Host: what JetStream asks of the server that it runs in. The server implements it; JetStream
// includes nothing of server/ or transport/. Nothing implements streams yet: a config with a
// `jetstream` block is refused at start.
//
// Threads. A stream has a home reactor. Every call is made on it and every callback comes on it.
#pragma once
#include <cstdint>
#include <functional>
#include <string_view>

namespace pipit::js {

// One message as the broker saw it. Views end with the callback.
struct HostMessage {
  std::string_view subject;
  std::string_view reply;
  std::string_view headers;  // the whole block, empty if there is none
  std::string_view payload;
};

class Host {
 public:
  using OnMessage = std::function<void(const HostMessage&)>;
  using Subscription = uint64_t;

  virtual ~Host() = default;
  // Publishes from the server itself, in order with earlier calls of the same reactor.
  virtual void publish(const HostMessage& message) = 0;
  // Subscribes as any client would: SUB is in effect when this returns.
  virtual Subscription subscribe(std::string_view subject, OnMessage on_message) = 0;
  virtual void unsubscribe(Subscription subscription) = 0;
  // Calls `fn` once, not before `delay_ns` have passed.
  virtual void after(int64_t delay_ns, std::function<void()> fn) = 0;
  // Runs `fn` on the home reactor. The only call that any thread may make.
  virtual void post(std::function<void()> fn) = 0;
};

}  // namespace pipit::js
