// The classes of pipit/client.h: thin, over their link.
#include "pipit/client.h"

#include "server/client_link.h"

namespace pipit {
namespace {

Outgoing outgoing(std::string_view subject, std::string_view headers, std::string_view payload,
                  std::string_view reply = {}) {
  Outgoing out;
  out.subject = subject;
  out.reply = reply;
  out.headers = headers;
  out.bytes = payload;
  return out;
}

Outgoing outgoing(std::string_view subject, std::string_view headers, Payload& payload,
                  std::string_view reply = {}) {
  Outgoing out = outgoing(subject, headers, payload.view(), reply);
  out.owned = &payload;
  return out;
}

constexpr const char* kPublish = "Client::publish";
constexpr const char* kRequest = "Client::request";

}  // namespace

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    close();
    state_ = std::move(other.state_);
  }
  return *this;
}

Subscription::~Subscription() { close(); }

void Subscription::close() noexcept {
  if (state_ == nullptr) return;
  state_->link->close_subscription(state_);
  state_.reset();
}

void Subscription::close_after(uint64_t count) noexcept {
  if (state_ != nullptr) state_->link->close_after(state_, count);
}

Client::Client(std::shared_ptr<ClientLink> link) : link_(std::move(link)) {}
Client::~Client() { close(); }

Result<Subscription> Client::subscribe(std::string_view subject, std::string_view queue,
                                       OnMessage on_message) noexcept {
  auto state = link_->subscribe(subject, queue, std::move(on_message));
  if (!state.ok()) return state.take_error();
  return Subscription(std::move(state).value());
}

Result<void> Client::publish(std::string_view subject, Payload&& payload,
                             std::string_view reply) noexcept {
  return link_->publish(outgoing(subject, {}, payload, reply), kPublish);
}
Result<void> Client::publish(std::string_view subject, const Headers& headers, Payload&& payload,
                             std::string_view reply) noexcept {
  return link_->publish(outgoing(subject, headers.block(), payload, reply), kPublish);
}
Result<void> Client::publish(std::string_view subject, std::string_view payload,
                             std::string_view reply) noexcept {
  return link_->publish(outgoing(subject, {}, payload, reply), kPublish);
}
Result<void> Client::publish(std::string_view subject, const Headers& headers,
                             std::string_view payload, std::string_view reply) noexcept {
  return link_->publish(outgoing(subject, headers.block(), payload, reply), kPublish);
}

Result<void> Client::request(std::string_view subject, std::string_view payload,
                             std::chrono::milliseconds timeout, OnReply on_reply) noexcept {
  return link_->request(outgoing(subject, {}, payload), timeout, std::move(on_reply), kRequest);
}
Result<void> Client::request(std::string_view subject, const Headers& headers, Payload&& payload,
                             std::chrono::milliseconds timeout, OnReply on_reply) noexcept {
  return link_->request(outgoing(subject, headers.block(), payload), timeout, std::move(on_reply),
                        kRequest);
}
Result<Message> Client::request(std::string_view subject, std::string_view payload,
                                std::chrono::milliseconds timeout) noexcept {
  return link_->request_and_wait(outgoing(subject, {}, payload), timeout, kRequest);
}
Result<Message> Client::request(std::string_view subject, const Headers& headers, Payload&& payload,
                                std::chrono::milliseconds timeout) noexcept {
  return link_->request_and_wait(outgoing(subject, headers.block(), payload), timeout, kRequest);
}

Result<void> Client::respond(const MessageView& message, std::string_view payload) noexcept {
  constexpr const char* kWhere = "Client::respond";
  if (message.reply.empty())
    return Error{Errc::invalid_argument, 0, kWhere, "the message asks for no answer"};
  return link_->publish(outgoing(message.reply, {}, payload), kWhere);
}

Result<void> Client::flush(std::chrono::milliseconds timeout) noexcept {
  return link_->flush(timeout);
}
void Client::close() noexcept { link_->close(); }
bool Client::closed() const noexcept { return link_->closed(); }
uint64_t Client::id() const noexcept { return link_->identity().cid; }

}  // namespace pipit
