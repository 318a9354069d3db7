// pipit/client.h -- a NATS client inside the server's process, without a socket.
//
// It meets the same limits, order and interest as a client on TCP, and lives on one of the server's
// reactors, its home: the calling one where Server::connect() was called on a reactor, else the one
// with the least to do.
// Threads.   A Client is one publish order. It is used by one thread at a time, and besides that in
//            its own callbacks, which run on its home. On that thread a call takes effect at once;
//            from elsewhere it is queued, in order. Threads that need no common order each connect
//            a Client of their own. Methods marked [any] are for any thread at any time. A debug
//            build answers a second thread's call with Errc::invalid_argument.
// Callbacks. They run one at a time, between messages: they may publish, subscribe, request and
//            close, but not block and not throw. The log callback (Options::log) may call none.
// Errors.    Nothing here throws. After the server has stopped, closed this client or was destroyed,
//            every call answers Errc::closed; a Client and its Subscriptions may outlive it.
#pragma once
#include <pipit/export.h>
#include <pipit/message.h>
#include <pipit/payload.h>
#include <pipit/result.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pipit {

class ClientLink;
struct SubscriptionState;

struct ClientOptions {
  std::string name;  // for monitoring
  bool echo = true;  // its own messages come back to its own subscriptions
  // Credentials are checked as on TCP where authorization asks for some. None: the program that runs
  // the server is trusted.
  std::string user, password, token;
};

// One subscription. Destroying it closes it.
class PIPIT_API Subscription {
 public:
  Subscription() noexcept = default;
  Subscription(Subscription&& other) noexcept = default;
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription();

  // [any] Unsubscribes. After it returns no callback of it is running and none will start; inside
  // its own callback it returns at once and that call is the last one. So do not call it with a lock
  // held that the callback takes.
  void close() noexcept;
  // [any] Unsubscribes once `count` messages were delivered, those before the call included. They
  // still reach the callback.
  void close_after(uint64_t count) noexcept;
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  friend class Client;
  explicit Subscription(std::shared_ptr<SubscriptionState> state) : state_(std::move(state)) {}
  std::shared_ptr<SubscriptionState> state_;
};

class PIPIT_API Client {
 public:
  using OnMessage = std::function<void(const MessageView&)>;
  // The reply, or why there is none: Errc::no_responders, timeout or closed.
  using OnReply = std::function<void(Result<MessageView>)>;

  // Closes it, and with it its subscriptions.
  ~Client();
  Client(const Client&) = delete;

  // Callbacks run at home, one at a time, in the order of each publisher. An empty `queue` is an
  // ordinary subscription.
  Result<Subscription> subscribe(std::string_view subject, std::string_view queue,
                                 OnMessage on_message) noexcept;

  // Returns once queued, not once delivered. Hands the payload over: subscribers on every reactor
  // read these same bytes, at home and on TCP alike. On an error the payload is the caller's as
  // before. Errc::slow_consumer: too much is under way, or a subscriber is far behind; later again.
  // flush() waits for room; to try again at once takes time that the reactor needs.
  Result<void> publish(std::string_view subject, Payload&& payload,
                       std::string_view reply = {}) noexcept;
  Result<void> publish(std::string_view subject, const Headers& headers, Payload&& payload,
                       std::string_view reply = {}) noexcept;
  // Copies the payload: the faster way for less than about 2 KiB.
  Result<void> publish(std::string_view subject, std::string_view payload,
                       std::string_view reply = {}) noexcept;
  Result<void> publish(std::string_view subject, const Headers& headers, std::string_view payload,
                       std::string_view reply = {}) noexcept;

  // Publishes with an inbox to reply to. `on_reply` is called once, at home, unless this Client is
  // closed first; not at all where this call returns an error.
  Result<void> request(std::string_view subject, std::string_view payload,
                       std::chrono::milliseconds timeout, OnReply on_reply) noexcept;
  Result<void> request(std::string_view subject, const Headers& headers, Payload&& payload,
                       std::chrono::milliseconds timeout, OnReply on_reply) noexcept;
  // Waits for the reply: on another thread than its home.
  Result<Message> request(std::string_view subject, std::string_view payload,
                          std::chrono::milliseconds timeout) noexcept;
  Result<Message> request(std::string_view subject, const Headers& headers, Payload&& payload,
                          std::chrono::milliseconds timeout) noexcept;
  // Publishes to message.reply. Errc::invalid_argument: it asks for no answer.
  Result<void> respond(const MessageView& message, std::string_view payload) noexcept;

  // A fence, as PING and PONG are: when it returns, what this client subscribed to is seen by every
  // publish that follows anywhere, what it published is on its way on every reactor in front of what
  // follows, and its callbacks have had what was there for it. At home it cannot wait and does not
  // promise the last.
  Result<void> flush(std::chrono::milliseconds timeout) noexcept;

  // No callback of it is running when this returns (but the one that called it) and none will start.
  // What was published before still goes out.
  void close() noexcept;  // [any]
  bool closed() const noexcept;  // [any]
  uint64_t id() const noexcept;  // [any] its cid in /connz

 private:
  friend class Server;
  explicit Client(std::shared_ptr<ClientLink> link);
  const std::shared_ptr<ClientLink> link_;
};

}  // namespace pipit
