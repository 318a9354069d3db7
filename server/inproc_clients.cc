#include "server/inproc_clients.h"

#include <cinttypes>
#include <cstdio>

#include "server/broker.h"
#include "server/identity.h"
#include "server/reactor.h"

namespace pipit {

InprocClients::InprocClients(Reactor& reactor, std::function<void()> wake)
    : reactor_(reactor), doorbell_(std::make_shared<Doorbell>(std::move(wake))) {}

void InprocClients::turn() {
  if (doorbell_->rung())
    for (const auto& link : doorbell_->take()) serve(link);
  for (size_t left = kCallbacksPerTurn; left > 0 && !due_.empty();) {
    InprocClient& client = *due_.front();
    due_.pop_front();
    client.due = false;
    left -= std::min(client.run_callbacks(std::min(left, kCallbacksInRow)) + 1, left);
    if (client.waiting()) make_due(client);
  }
}

void InprocClients::serve(const std::shared_ptr<ClientLink>& link) {
  if (link->client == nullptr) {
    link->answer();
    if (link->opened) return;  // it has ended
    link->opened = true;
    reactor_.open_client(link);
  }
  if (link->client->run_commands()) make_due(*link->client);
}

void InprocClients::make_due(InprocClient& client) {
  if (client.due || client.ended()) return;
  client.due = true;
  due_.push_back(&client);
}

void InprocClients::shut() {
  for (const auto& link : doorbell_->shut()) {
    if (link->client != nullptr) continue;  // it is closed with the others
    if (!link->opened) reactor_.broker().connections.fetch_sub(1, std::memory_order_relaxed);
    link->opened = true;
    link->end(proto::CloseReason::server_shutdown);
  }
}

Result<std::shared_ptr<ClientLink>> connect_client(Broker& broker, Reactor& home,
                                                   const ClientOptions& options) {
  constexpr const char* kWhere = "Server::connect";
  const std::shared_ptr<const Settings> settings = broker.settings();
  const Authorization& rules = settings->authorization(Wire::inproc);
  const bool credentials =
      !options.user.empty() || !options.password.empty() || !options.token.empty();
  if (credentials && rules.required() &&
      !credentials_match(rules, {options.user, options.password, options.token}))
    return Error{Errc::denied, 0, kWhere, std::string(proto::err::kAuthorization)};
  if (broker.connections.fetch_add(1, std::memory_order_relaxed) >=
      settings->options.max_connections) {
    broker.connections.fetch_sub(1, std::memory_order_relaxed);
    return Error{Errc::exhausted, 0, kWhere, std::string(proto::err::kMaxConnections)};
  }
  broker.total_connections.fetch_add(1, std::memory_order_relaxed);
  const Options& o = settings->options;
  const ClientLimits limits{static_cast<size_t>(o.max_pending), o.max_payload, o.max_control_line,
                            o.max_subscriptions, o.max_sub_tokens, !o.no_header_support};
  Random random;
  char inbox[64];
  std::snprintf(inbox, sizeof inbox, "_INBOX.%016" PRIx64 "%016" PRIx64 ".", random.next(),
                random.next());
  const std::shared_ptr<Doorbell>& doorbell = home.inproc().doorbell();
  auto link = std::make_shared<ClientLink>(
      doorbell, limits,
      ClientLink::Identity{broker.next_cid.fetch_add(1, std::memory_order_relaxed), inbox, options});
  if (doorbell->here()) {
    home.enter();
    home.inproc().serve(link);
  } else {
    link->open();
  }
  if (link->closed()) return Error{Errc::closed, 0, kWhere, "the server has stopped"};
  return link;
}

}  // namespace pipit
