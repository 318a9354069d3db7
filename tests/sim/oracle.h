// Oracle: knows what every client of the simulation asked for and says what the broker may not do.
//
//   - Messages of one publisher come in order at every subscription, none comes twice.
//   - A queue group gets a message at most once, and once if a member lives.
//   - A PONG is a fence: subscriptions before it count from then on; what was published before it,
//     anywhere, arrives before the PONG of a PING that came after.
//   - After UNSUB with a count exactly so many messages come, from however many publishers.
//   - A client with echo off never hears itself.
//   - A request is taken or answered 503, and never both.
//   - Only who once left the broker without room is cut off.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/sim_client.h"

namespace pipit::sim {

class Oracle {
 public:
  using Clients = std::vector<std::unique_ptr<SimClient>>;
  // `drops`: the broker drops for who is far behind (no_fast_producer_stall).
  Oracle(const Clients& clients, bool drops) : clients_(clients), drops_(drops) {}

  // The client sends its next message; its PING; what it got.
  void published(SimClient& client, std::string subject, bool request);
  void fenced(SimClient& client);
  void read(SimClient& client);
  // Everything was sent, read and waited for.
  void check_end();

  void fail(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }
  const std::string& fault() const { return fault_; }

 private:
  struct Published {
    SimMessage message;
    std::string subject;
    bool request;
    // Who had a confirmed subscription then: client and sid.
    std::vector<std::pair<uint32_t, std::string>> wanted;
  };

  void on_message(SimClient& client, const std::string& line, const std::string& payload);
  void on_refusal(SimClient& client, const std::string& line);
  void on_pong(SimClient& client);
  bool may_lose(const SimClient& client) const { return client.gone || (drops_ && client.limited); }
  bool may_be_lost_in_group(const Published& p, const std::string& queue) const;
  void check_wanted(const Published& p);
  void check_request(const Published& p);
  void check_subscriptions();

  const Clients& clients_;
  const bool drops_;
  std::vector<Published> published_;
  std::map<std::string, std::set<SimMessage>> by_queue_;
  std::set<SimMessage> taken_;                             // by anybody
  std::map<const SimSubscription*, uint64_t> counted_;     // wanted by who unsubscribes by itself
  std::set<std::string> restless_;                         // queues that somebody left
  std::string fault_;
};

}  // namespace pipit::sim
