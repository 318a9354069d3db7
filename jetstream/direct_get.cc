#include "jetstream/direct_get.h"

#include <algorithm>

#include "jetstream/direct_reader.h"
#include "jetstream/direct_request.h"
#include "jetstream/message_lookup.h"
#include "jetstream/shard.h"

namespace pipit::js {
namespace {

constexpr std::string_view kEndpoint = ".API.DIRECT.GET.";
constexpr std::string_view kGroup = "_zz_";  // the name that nats-server's members have

// The subject behind the stream's name; empty: there is none.
std::string_view key_of(std::string_view subject) {
  const size_t name = subject.find(kEndpoint) + kEndpoint.size();
  const size_t dot = subject.find('.', name);
  return dot == std::string_view::npos ? std::string_view() : subject.substr(dot + 1);
}

}  // namespace

void DirectGet::follow(SetupRef setup) {
  setup_ = std::move(setup);
  listen();
}

void DirectGet::answer_for(std::string_view origin) {
  if (origin == origin_) return;
  origin_ = origin;
  listen();
}

// Subjects that stay are not interrupted.
void DirectGet::listen() {
  Host* const host = shard_.host();
  if (host == nullptr) return;
  std::vector<std::string> wanted;
  const auto want = [&](std::string_view domain, const std::string& name) {
    if (name.empty()) return;
    std::string subject = "$JS";
    if (!domain.empty()) subject.append(".").append(domain);
    subject.append(kEndpoint).append(name);
    wanted.push_back(subject);
    wanted.push_back(subject + ".>");
  };
  for (const std::string_view domain :
       {std::string_view(), std::string_view(shard_.settings().domain)}) {
    if (setup_ && setup_->config.allow_direct) want(domain, setup_->name());
    if (setup_) want(domain, origin_);
    if (shard_.settings().domain.empty()) break;
  }
  std::erase_if(subscriptions_, [&](const auto& each) {
    if (std::find(wanted.begin(), wanted.end(), each.first) != wanted.end()) return false;
    host->unsubscribe(each.second);
    return true;
  });
  for (std::string& subject : wanted) {
    const bool there = std::any_of(subscriptions_.begin(), subscriptions_.end(),
                                   [&](const auto& each) { return each.first == subject; });
    if (there) continue;
    const Host::Subscription subscription = host->subscribe(subject, kGroup, *this);
    subscriptions_.emplace_back(std::move(subject), subscription);
  }
}

bool DirectGet::receive(const HostMessage& message) {
  if (shard_.host() == nullptr || !setup_) return false;
  if (message.reply.empty()) return true;
  MessageGetRequest request;
  const std::string_view fault =
      read_direct_request(key_of(message.subject), message.headers, message.payload, request);
  if (!fault.empty()) {
    refuse(message.reply, fault);
    return true;
  }
  if (answer_now(message.reply, request)) return true;
  const size_t weight = message.reply.size() + message.payload.size();
  auto read = direct_read(setup_, std::move(request), shard_.settings().max_pending);
  if (!shard_.reader().push(shard_.home(), message.reply, std::move(read), weight))
    refuse(message.reply, "429 Too Many Requests");
  return true;
}

// The usual case, a message that was written or read lately, costs no other thread.
bool DirectGet::answer_now(std::string_view reply, const MessageGetRequest& request) {
  if (!request.multi_last.empty() || request.batch != 0) return false;
  auto found = look_up_now(*setup_, request);
  if (!found && found.error().code != Errc::invalid_argument) return false;
  const DirectAnswer answer = direct_answer(*setup_, std::move(found), request.no_headers);
  shard_.host()->publish({reply, {}, answer.headers, answer.payload});
  return true;
}

void DirectGet::refuse(std::string_view reply, std::string_view status) {
  shard_.host()->publish({reply, {}, status_block(status), {}});
}

}  // namespace pipit::js
