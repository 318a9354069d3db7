// broker_sim: N reactors on one thread under a seeded scheduler, without libuv. Clients come, ask,
// publish, stop reading and go at random moments; oracle.h says what must hold of it. A reactor that
// sleeps runs again only if something woke it, so a lost wake is a message that never comes. In the
// end every reactor gets rid of its connections, in whatever state they are, and no interest is left.
//
//   broker_sim [first seed] [count]     a failure prints the seed and the command that replays it
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "server/broker.h"
#include "server/identity.h"
#include "server/reactor.h"
#include "tests/sim/oracle.h"
#include "tests/sim/sim_client.h"

namespace pipit::sim {
namespace {

int64_t sim_now_ns = 0;
int64_t sim_clock() { return sim_now_ns; }

class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : random_(seed), broker_(make_options()),
        oracle_(clients_, broker_.options.no_fast_producer_stall) {
    const auto count = static_cast<uint32_t>(1 + random_.below(5));
    const uint32_t capacities[] = {0, 2, 8, 64};  // 0: as in a server
    const uint32_t ring_capacity = capacities[random_.below(4)];
    std::vector<Mailbox*> mailboxes;
    for (uint32_t i = 0; i < count; ++i) {
      lanes_.push_back(std::make_unique<Lane>());
      Lane& lane = *lanes_.back();
      lane.reactor = std::make_unique<Reactor>(
          broker_, static_cast<uint16_t>(i), count, [this, &lane] { wake(lane); }, &sim_clock,
          Random(random_.next()), ring_capacity);
      broker_.reactors.push_back(lane.reactor.get());
      mailboxes.push_back(&lane.reactor->mailbox());
    }
    for (Mailbox* mailbox : mailboxes) mailbox->connect(mailboxes);
    broker_.build_infos(4222, 0);
  }

  // Empty: all held. Else what did not.
  std::string run() {
    for (int i = 0; i < 3; ++i) connect();
    const uint64_t steps = 300 + random_.below(700);
    for (uint64_t i = 0; i < steps && oracle_.fault().empty(); ++i) {
      sim_now_ns += static_cast<int64_t>(random_.below(2'000'000));
      if (random_.below(3) == 0) act();
      step(*lanes_[random_.below(lanes_.size())]);
      if (random_.below(20) == 0) check_pending();
    }
    settle();
    if (oracle_.fault().empty()) oracle_.check_end();
    if (oracle_.fault().empty()) close_all();
    return oracle_.fault();
  }

 private:
  struct Lane {
    std::unique_ptr<Reactor> reactor;
    bool woken = false, asleep = false, polled = false, busy = false;
  };

  Options make_options() {
    Options options;
    options.ping_interval_ns = 3600 * kNsPerSecond;
    if (random_.below(3) == 0) options.max_pending = options.max_payload = 200'000;
    if (random_.below(3) == 0) options.write_deadline_ns = 20 * kNsPerMs;
    options.no_fast_producer_stall = random_.below(6) == 0;
    return options;
  }

  // What a client may do next.
  void act() {
    if (clients_.size() < 12 && random_.below(10) == 0) return connect();
    SimClient& client = *clients_[random_.below(clients_.size())];
    if (client.leaving) return;
    switch (random_.below(14)) {
      case 0:
      case 1: return subscribe(client, pick_subject(true), "", 0);
      case 2: return subscribe(client, pick_subject(true), pick_queue(), 0);
      case 3:
        return subscribe(client, pick_subject(true), random_.below(4) == 0 ? pick_queue() : "",
                         1 + random_.below(20));
      case 4:
        if (random_.below(2) == 0) return unsubscribe(client);
        return subscribe(client, pick_request(), random_.below(2) == 0 ? pick_queue() : "", 0);
      case 5: return fence(client);
      case 6: return publish(client, random_.below(20) == 0 ? 2000 : 1 + random_.below(30));
      case 7: return set_room(client);
      case 8:
        if (random_.below(10) == 0) leave(client);
        return;
      case 9: return request(client);
      default: return publish(client, 1 + random_.below(3));
    }
  }

  void connect() {
    auto client = std::make_unique<SimClient>();
    client->id = static_cast<uint32_t>(clients_.size());
    client->reactor = static_cast<uint32_t>(random_.below(lanes_.size()));
    client->echo = random_.below(4) != 0;
    client->pipe = std::make_shared<net::MemoryStream>();
    client->unsent =
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"headers\":true,"
        "\"no_responders\":true,\"echo\":" +
        std::string(client->echo ? "true" : "false") + "}\r\n";
    Lane& lane = *lanes_[client->reactor];
    lane.reactor->mailbox().post([&lane, pipe = client->pipe] {
      lane.reactor->adopt(Wire::tcp, [&](Connection&) -> std::unique_ptr<net::ByteStream> {
        return std::make_unique<SharedStream>(pipe);
      });
    });
    clients_.push_back(std::move(client));
    SimClient& connected = *clients_.back();
    const std::string inbox = "_R." + std::to_string(connected.id) + ".*";
    connected.subs["inbox"] = {inbox, "", 0, false, false, {}, {}, {}};
    connected.unsent += "SUB " + inbox + " inbox\r\n";
    subscribe(connected, pick_subject(true), "", 0);
  }

  std::string pick_subject(bool wildcards) {
    const uint64_t n = random_.below(wildcards ? 7 : 4);
    if (n == 6) return asks_ ? "*.1" : ">";
    if (n == 5) return "s.*";
    if (n == 4) return "s.>";
    return "s." + std::to_string(n);
  }
  std::string pick_queue() { return random_.below(2) == 0 ? "blue" : "red"; }
  std::string pick_request() { return "_ask.it." + std::to_string(random_.below(5)); }

  void subscribe(SimClient& client, const std::string& subject, const std::string& queue,
                 uint64_t max) {
    const std::string sid = std::to_string(client.next_sid++);
    client.subs[sid] = {subject, queue, max, false, false, {}, {}, {}};
    client.unsent += "SUB " + subject + " " + queue + (queue.empty() ? "" : " ") + sid + "\r\n";
    if (max != 0) client.unsent += "UNSUB " + sid + " " + std::to_string(max) + "\r\n";
    fence(client);
  }

  void unsubscribe(SimClient& client) {
    for (auto& [sid, sub] : client.subs)
      if (!sub.ended && sid != "inbox" && random_.below(3) == 0) {
        sub.ended = true;
        client.unsent += "UNSUB " + sid + "\r\n";
        return;
      }
  }

  void fence(SimClient& client) {
    oracle_.fenced(client);
    client.unsent += "PING\r\n";
  }

  void send(SimClient& client, const std::string& subject, const std::string& reply) {
    std::string payload =
        std::to_string(client.id) + " " + std::to_string(client.next_seq) + " ";
    const uint64_t kind = random_.below(200);
    payload.append(kind < 2 ? 20'000 : kind < 10 ? 3000 : random_.below(40), 'x');
    client.unsent += "PUB " + subject + " " + reply + std::to_string(payload.size()) + "\r\n" +
                     payload + "\r\n";
    oracle_.published(client, subject, !reply.empty());
  }

  void publish(SimClient& client, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) send(client, pick_subject(false), "");
    if (random_.below(2) == 0) fence(client);
  }

  // To anybody, or to some whose subscriptions are about to end.
  void request(SimClient& client) {
    if (!client.subs["inbox"].confirmed) return;
    std::string subject = pick_request();
    const bool all = random_.below(2) == 0;
    SimClient& leaver = *clients_[random_.below(clients_.size())];
    for (const auto& [sid, sub] : leaver.subs)
      if (!leaver.leaving && !sub.ended && sub.subject.starts_with("_ask.")) subject = sub.subject;
    for (auto& other : clients_) {
      if (other->leaving || (!all && other.get() != &leaver)) continue;
      for (auto& [sid, sub] : other->subs) {
        if (sub.ended || sub.subject != subject) continue;
        sub.ended = true;
        other->unsent += "UNSUB " + sid + "\r\n";
      }
    }
    send(client, subject,
         "_R." + std::to_string(client.id) + "." + std::to_string(client.next_seq) + " ");
    if (random_.below(2) == 0) fence(client);
  }

  void set_room(SimClient& client) {
    const bool plenty = random_.below(2) == 0;
    client.limited |= !plenty;
    allow(client, plenty ? 100'000'000 : random_.below(5000));
  }

  // An event of its reactor's, that its poll tells of.
  void allow(SimClient& client, size_t bytes) {
    on_its_reactor(client, [&] { client.pipe->allow(bytes); });
  }
  template <class Event>
  void on_its_reactor(SimClient& client, Event event) {
    Lane& lane = *lanes_[client.reactor];
    lane.woken = lane.busy = true;
    event();
    lane.busy = false;
  }

  // At once, or orderly: what it has still to say goes out first.
  void leave(SimClient& client) {
    lanes_[client.reactor]->woken = client.leaving = true;
    client.unsure = client.limited;  // it may be cut off before
    switch (random_.below(4)) {
      case 0:
        client.unsent += "BYE\r\n";
        return;
      case 1:
        client.gone = true;  // its end follows the last byte, see feed()
        return;
      case 2:
        on_its_reactor(client, [&] { client.pipe->end(ECONNRESET); });
        break;
      default:
        on_its_reactor(client, [&] { client.pipe->end(); });
        break;
    }
    client.unsent.clear();
    client.gone = client.unsure = true;
  }

  // On another core it may run while the one that woke it is still at work.
  void wake(Lane& lane) {
    lane.woken = true;
    if (random_.below(3) != 0 || lane.busy) return;
    step(lane);
    step(lane);
  }

  // One phase of one reactor's turn, in the order of ReactorThread: poll, then turn and sleep. False:
  // it sleeps and nothing woke it.
  bool step(Lane& lane) {
    lane.busy = true;
    const bool stepped = poll_or_turn(lane);
    lane.busy = false;
    return stepped;
  }

  bool poll_or_turn(Lane& lane) {
    if (lane.polled) {
      lane.polled = false;
      lane.reactor->turn();
      lane.asleep = lane.reactor->prepare_sleep();
    } else {
      bool event = lane.woken || !lane.asleep || sim_now_ns >= lane.reactor->next_deadline_ns();
      for (auto& client : clients_) event |= is_on(*client, lane) && has_event(*client);
      if (!event) return false;
      lane.woken = lane.asleep = false;
      for (auto& client : clients_)
        if (is_on(*client, lane)) feed(*client);
      lane.polled = true;
    }
    uint64_t settled = 0;
    for (auto& client : clients_) {
      settled -= client->settled_seq;
      oracle_.read(*client);
      settled += client->settled_seq;
    }
    if (settled > 0 && lane.polled && random_.below(2) == 0) hear_of_it(lane);
    return true;
  }

  // A PONG that leaves in the middle of a turn: whoever hears of it asks at once, on another reactor.
  void hear_of_it(Lane& lane) {
    SimClient& client = *clients_[random_.below(clients_.size())];
    Lane& other = *lanes_[client.reactor];
    if (client.leaving || &other == &lane || other.polled || other.busy) return;
    fence(client);
    while (step(other) && other.polled) {
    }
  }

  bool is_on(const SimClient& client, const Lane& lane) const {
    return lanes_[client.reactor].get() == &lane;
  }
  static bool has_event(const SimClient& client) {
    return !client.unsent.empty() && client.pipe->reading();
  }

  void feed(SimClient& client) {
    if (!has_event(client)) return;
    const size_t n = random_.below(4) == 0 ? 1 + random_.below(client.unsent.size())
                                           : client.unsent.size();
    const std::string bytes = client.unsent.substr(0, n);
    client.unsent.erase(0, n);
    client.pipe->feed(bytes);
    if (client.gone && client.unsent.empty()) client.pipe->end();
  }

  // Every reactor gets its turns, but one that sleeps only takes them if it was woken.
  void settle() {
    for (auto& client : clients_) {
      if (client->leaving) continue;
      allow(*client, SIZE_MAX / 2);
      fence(*client);
    }
    bool busy = true;
    for (int i = 0; i < 20'000 && busy && oracle_.fault().empty(); ++i) {
      sim_now_ns += kNsPerMs;
      busy = false;
      for (auto& lane : lanes_) {
        busy |= step(*lane);
        busy |= step(*lane) || lane->reactor->next_deadline_ns() < sim_now_ns + kNsPerSecond;
      }
    }
    if (busy) oracle_.fail("the reactors never came to rest");
  }

  void check_pending() {
    SnapshotRequest request;
    request.open = true;
    for (const auto& lane : lanes_)
      for (const ConnectionSnapshot& open : lane->reactor->snapshot(request).open)
        if (open.pending_bytes > static_cast<uint64_t>(broker_.options.max_pending))
          oracle_.fail("more than max_pending is pending");
  }

  void close_all() {
    size_t left = 1;
    for (int i = 0; i < 1000 && left > 0; ++i) {
      sim_now_ns += kNsPerMs;
      left = 0;
      for (auto& lane : lanes_) {
        lane->reactor->awake();
        if (i == 0) lane->reactor->close_all(proto::CloseReason::server_shutdown);
        lane->reactor->turn();
        lane->reactor->prepare_sleep();
        left += lane->reactor->connection_count();
      }
    }
    if (left > 0 || broker_.connections != 0) oracle_.fail("a connection does not end");
    if (broker_.account.interest.stats().subscriptions != 0) oracle_.fail("interest is left over");
  }

  Random random_;
  const bool asks_ = random_.below(2) == 0;  // then nobody hears everything
  Broker broker_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  Oracle oracle_;
};

}  // namespace
}  // namespace pipit::sim

int main(int argc, char** argv) {
  const uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1;
  const uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    pipit::sim::sim_now_ns = 1;
    const std::string fault = pipit::sim::Simulation(seed).run();
    if (fault.empty()) continue;
    std::printf("seed %llu: %s\nreplay: %s %llu\n", static_cast<unsigned long long>(seed),
                fault.c_str(), argv[0], static_cast<unsigned long long>(seed));
    return 1;
  }
  std::printf("%llu seeds held\n", static_cast<unsigned long long>(count));
  return 0;
}
