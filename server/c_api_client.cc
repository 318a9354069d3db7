// The client's half of pipit/pipit.h.
#include <chrono>

#include "server/c_api.h"

using namespace pipit;
using namespace pipit::c;

namespace {

std::chrono::milliseconds milliseconds(int64_t count) {
  // A year is forever, and nothing that is added to it overflows.
  return std::chrono::milliseconds(std::clamp<int64_t>(count, 0, int64_t{365} * 24 * 3600 * 1000));
}

int keep(Message&& message, pipit_kept** out) {
  *out = new pipit_kept{std::move(message), {}};
  (*out)->msg = msg_of(*(*out)->message);
  return 0;
}

// Null, or what is wrong with a message to request with.
const char* request_fault(const pipit_client* client, const pipit_msg* msg) {
  if (client == nullptr) return kNullHandle;
  if (msg == nullptr) return "the message is null";
  if (broken(*msg)) return kBroken;
  return msg->reply.len > 0 ? "the inbox to reply to is not the caller's to choose" : nullptr;
}

}  // namespace

int pipit_connect(pipit_server* server, const pipit_client_options* options, pipit_client** out,
                  pipit_error* err) {
  if (out == nullptr) return invalid(err, __func__, kNullOut);
  *out = nullptr;
  if (server == nullptr) return invalid(err, __func__, kNullHandle);
  ClientOptions wanted;
  if (options != nullptr) {
    if (broken(options->name) || broken(options->user) || broken(options->password) ||
        broken(options->token))
      return invalid(err, __func__, kBroken);
    wanted.name = view(options->name);
    wanted.user = view(options->user);
    wanted.password = view(options->password);
    wanted.token = view(options->token);
    wanted.echo = options->no_echo == 0;
  }
  auto client = server->server->connect(wanted);
  if (!client.ok()) return fail(err, __func__, client.error());
  *out = new pipit_client{std::move(client).value()};
  return 0;
}

void pipit_client_close(pipit_client* client) { delete client; }
int pipit_client_closed(const pipit_client* client) {
  return client == nullptr || client->client->closed() ? 1 : 0;
}
uint64_t pipit_client_id(const pipit_client* client) {
  return client == nullptr ? 0 : client->client->id();
}

int pipit_publish(pipit_client* client, pipit_str subject, pipit_str reply, pipit_str payload,
                  pipit_error* err) {
  if (client == nullptr) return invalid(err, __func__, kNullHandle);
  if (broken(subject) || broken(reply) || broken(payload)) return invalid(err, __func__, kBroken);
  return answer(err, __func__,
                client->client->publish(view(subject), view(payload), view(reply)));
}

int pipit_publish_msg(pipit_client* client, const pipit_msg* msg, pipit_release release, void* ctx,
                      pipit_error* err) {
  const bool owned = release != nullptr;
  const bool usable = msg != nullptr && !broken(*msg);
  // Destroyed with what is still in it: so it is released once, whatever comes of this.
  Payload payload = Payload::adopt(usable ? msg->payload.data : nullptr,
                                   usable ? msg->payload.len : 0, release, ctx);
  if (client == nullptr) return invalid(err, __func__, kNullHandle);
  if (msg == nullptr) return invalid(err, __func__, "the message is null");
  if (!usable) return invalid(err, __func__, kBroken);
  auto headers = Headers::parse(view(msg->headers));
  if (!headers.ok()) return fail(err, __func__, headers.error());
  const std::string_view subject = view(msg->subject), reply = view(msg->reply);
  return answer(err, __func__,
                owned ? client->client->publish(subject, headers.value(), std::move(payload), reply)
                      : client->client->publish(subject, headers.value(), view(msg->payload), reply));
}

int pipit_respond(pipit_client* client, const pipit_msg* msg, pipit_str payload, pipit_error* err) {
  if (client == nullptr) return invalid(err, __func__, kNullHandle);
  if (msg == nullptr) return invalid(err, __func__, "the message is null");
  if (broken(*msg) || broken(payload)) return invalid(err, __func__, kBroken);
  MessageView asked;
  asked.reply = view(msg->reply);
  return answer(err, __func__, client->client->respond(asked, view(payload)));
}

int pipit_subscribe(pipit_client* client, pipit_str subject, pipit_str queue, pipit_on_msg on_msg,
                    void* ctx, pipit_release release, pipit_sub** out, pipit_error* err) {
  const Context context(ctx, release);
  if (out == nullptr) return invalid(err, __func__, kNullOut);
  *out = nullptr;
  if (client == nullptr) return invalid(err, __func__, kNullHandle);
  if (on_msg == nullptr) return invalid(err, __func__, "the callback is null");
  if (broken(subject) || broken(queue)) return invalid(err, __func__, kBroken);
  auto sub = client->client->subscribe(view(subject), view(queue),
                                       [on_msg, context](const MessageView& message) {
                                         const pipit_msg msg = msg_of(message);
                                         on_msg(context.get(), &msg);
                                       });
  if (!sub.ok()) return fail(err, __func__, sub.error());
  *out = new pipit_sub{std::move(sub).value()};
  return 0;
}

void pipit_sub_close(pipit_sub* sub) { delete sub; }

int pipit_sub_close_after(pipit_sub* sub, uint64_t count, pipit_error* err) {
  if (sub == nullptr) return invalid(err, __func__, kNullHandle);
  if (count == 0) return invalid(err, __func__, "after none: close it instead");
  sub->sub.close_after(count);
  return 0;
}

int pipit_request(pipit_client* client, const pipit_msg* msg, int64_t timeout_ms,
                  pipit_on_reply on_reply, void* ctx, pipit_release release, pipit_error* err) {
  const Context context(ctx, release);
  if (const char* fault = request_fault(client, msg)) return invalid(err, __func__, fault);
  if (on_reply == nullptr) return invalid(err, __func__, "the callback is null");
  auto headers = Headers::parse(view(msg->headers));
  if (!headers.ok()) return fail(err, __func__, headers.error());
  const auto call = [on_reply, context](Result<MessageView> reply) {
    if (!reply.ok())
      return on_reply(context.get(), static_cast<int>(reply.error().code), nullptr);
    const pipit_msg got = msg_of(reply.value());
    on_reply(context.get(), 0, &got);
  };
  return answer(err, __func__,
                client->client->request(view(msg->subject), headers.value(),
                                        Payload::copy(view(msg->payload)),
                                        milliseconds(timeout_ms), call));
}

int pipit_request_wait(pipit_client* client, const pipit_msg* msg, int64_t timeout_ms,
                       pipit_kept** out, pipit_error* err) {
  if (out == nullptr) return invalid(err, __func__, kNullOut);
  *out = nullptr;
  if (const char* fault = request_fault(client, msg)) return invalid(err, __func__, fault);
  auto headers = Headers::parse(view(msg->headers));
  if (!headers.ok()) return fail(err, __func__, headers.error());
  auto reply =
      client->client->request(view(msg->subject), headers.value(),
                              Payload::copy(view(msg->payload)), milliseconds(timeout_ms));
  if (!reply.ok()) return fail(err, __func__, reply.error());
  return keep(std::move(reply).value(), out);
}

int pipit_flush(pipit_client* client, int64_t timeout_ms, pipit_error* err) {
  if (client == nullptr) return invalid(err, __func__, kNullHandle);
  return answer(err, __func__, client->client->flush(milliseconds(timeout_ms)));
}

int pipit_keep(const pipit_msg* msg, pipit_kept** out, pipit_error* err) {
  if (out == nullptr) return invalid(err, __func__, kNullOut);
  *out = nullptr;
  if (msg == nullptr || msg->own == nullptr)
    return invalid(err, __func__, "not a message that a callback was given");
  return keep(static_cast<const MessageView*>(msg->own)->retain(), out);
}

const pipit_msg* pipit_kept_msg(const pipit_kept* kept) {
  return kept == nullptr ? nullptr : &kept->msg;
}
void pipit_kept_free(pipit_kept* kept) { delete kept; }

int pipit_header(pipit_str headers, pipit_str name, pipit_str* value) {
  if (value == nullptr || broken(headers) || broken(name)) return 0;
  MessageView message;
  message.headers = view(headers);
  const auto found = message.header(view(name));
  *value = str(found.value_or(std::string_view()));
  return found.has_value() ? 1 : 0;
}

pipit_str pipit_header_status(pipit_str headers) {
  MessageView message;
  message.headers = view(headers);
  return str(message.status());
}

int pipit_headers_add(char* buffer, size_t capacity, size_t* len, pipit_str name, pipit_str value,
                      pipit_error* err) {
  if (buffer == nullptr || len == nullptr) return invalid(err, __func__, "the buffer is null");
  if (broken(name) || broken(value)) return invalid(err, __func__, kBroken);
  if (*len > capacity) return invalid(err, __func__, "the block is longer than its buffer");
  auto headers = Headers::parse({buffer, *len});
  if (!headers.ok()) return fail(err, __func__, headers.error());
  if (auto added = headers.value().add(view(name), view(value)); !added.ok())
    return fail(err, __func__, added.error());
  const std::string_view block = headers.value().block();
  if (block.size() > capacity)
    return fail(err, __func__, {Errc::exhausted, 0, __func__, "no room for it in the buffer"});
  std::memcpy(buffer, block.data(), block.size());
  *len = block.size();
  return 0;
}
