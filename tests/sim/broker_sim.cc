// broker_sim: N reactors on one thread under a seeded scheduler, without libuv. It proves that
// messages of one publisher stay in order at every subscription, that a queue group gets a message
// at most once and once if a member lives, that PONG is a fence, and that no wake is lost: a reactor
// that sleeps runs again only if something woke it.
//
//   broker_sim [first seed] [count]     a failure prints the seed and the command that replays it
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "protocol/subject.h"
#include "server/broker.h"
#include "server/identity.h"
#include "server/reactor.h"
#include "tests/sim/sim_client.h"

namespace pipit::sim {
namespace {

int64_t sim_now_ns = 0;
int64_t sim_clock() { return sim_now_ns; }

struct Published {
  SimMessage message;
  std::string subject;
  // Subscriptions confirmed at the time, by client and sid; and queue names with a confirmed member.
  std::vector<std::pair<uint32_t, std::string>> wanted;
};

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed), broker_(make_options()) {
    const auto count = static_cast<uint32_t>(1 + random_.below(5));
    for (uint32_t i = 0; i < count; ++i) {
      lanes_.push_back(std::make_unique<Lane>());
      Lane& lane = *lanes_.back();
      lane.reactor = std::make_unique<Reactor>(
          broker_, static_cast<uint16_t>(i), count, [&lane] { lane.woken = true; }, &sim_clock,
          Random(random_.next()));
    }
    std::vector<Mailbox*> mailboxes;
    for (auto& lane : lanes_) {
      broker_.reactors.push_back(lane->reactor.get());
      mailboxes.push_back(&lane->reactor->mailbox());
    }
    for (Mailbox* mailbox : mailboxes) mailbox->connect(mailboxes);
    broker_.build_infos(4222, 0);
  }

  // Empty: all held. Else what did not.
  std::string run() {
    for (int i = 0; i < 3; ++i) connect();
    const uint64_t steps = 300 + random_.below(700);
    for (uint64_t i = 0; i < steps && fault_.empty(); ++i) {
      sim_now_ns += static_cast<int64_t>(random_.below(2'000'000));
      if (random_.below(3) == 0) act();
      step(*lanes_[random_.below(lanes_.size())]);
    }
    settle();
    if (fault_.empty()) check_end();
    return fault_;
  }

 private:
  struct Lane {
    std::unique_ptr<Reactor> reactor;
    bool woken = false, asleep = false, polled = false;
  };

  Options make_options() {
    Options options;
    options.ping_interval_ns = 3600 * kNsPerSecond;
    return options;
  }

  void fail(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }

  // What a client may do next.
  void act() {
    if (clients_.size() < 12 && random_.below(10) == 0) return connect();
    SimClient& client = *clients_[random_.below(clients_.size())];
    if (client.gone) return;
    switch (random_.below(12)) {
      case 0:
      case 1: return subscribe(client, "");
      case 2: return subscribe(client, random_.below(2) == 0 ? "blue" : "red");
      case 3: return unsubscribe(client);
      case 4: return fence(client);
      case 5: return publish(client, random_.below(40) == 0 ? 3000 : 1 + random_.below(30));
      case 6: return client.pipe->allow(random_.below(4) == 0 ? 100'000'000 : random_.below(5000));
      case 7:
        if (random_.below(20) == 0) hang_up(client);
        return;
      default: return publish(client, 1 + random_.below(3));
    }
  }

  void connect() {
    auto client = std::make_unique<SimClient>();
    client->id = static_cast<uint32_t>(clients_.size());
    client->reactor = static_cast<uint32_t>(random_.below(lanes_.size()));
    client->pipe = std::make_shared<net::MemoryStream>();
    client->unsent = "CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1}\r\n";
    Lane& lane = *lanes_[client->reactor];
    lane.reactor->mailbox().post([&lane, pipe = client->pipe] {
      lane.reactor->adopt(Wire::tcp, [&](Connection&) -> std::unique_ptr<net::ByteStream> {
        return std::make_unique<SharedStream>(pipe);
      });
    });
    clients_.push_back(std::move(client));
    subscribe(*clients_.back(), "");
  }

  std::string pick_subject(bool wildcards) {
    const uint64_t n = random_.below(wildcards ? 7 : 4);
    if (n == 6) return ">";
    if (n == 5) return "s.*";
    if (n == 4) return "s.>";
    return "s." + std::to_string(n);
  }

  void subscribe(SimClient& client, const std::string& queue) {
    const std::string sid = std::to_string(client.next_sid++);
    const std::string subject = pick_subject(true);
    client.subs[sid] = {subject, queue, false, false, {}, {}};
    client.unsent += "SUB " + subject + " " + queue + (queue.empty() ? "" : " ") + sid + "\r\n";
    fence(client);
  }

  void unsubscribe(SimClient& client) {
    for (auto& [sid, sub] : client.subs)
      if (!sub.ended && random_.below(3) == 0) {
        sub.ended = true;
        client.unsent += "UNSUB " + sid + "\r\n";
        return;
      }
  }

  void fence(SimClient& client) {
    SimClient::Fence f;
    for (auto& [sid, sub] : client.subs)
      if (!sub.confirmed) f.sids.push_back(sid);
    f.seq = client.next_seq - 1;
    for (const Published& p : published_) {
      if (p.message.seq > clients_[p.message.publisher]->settled_seq) continue;
      for (const auto& [id, sid] : p.wanted)
        if (id == client.id && client.subs[sid].queue.empty() &&
            !client.subs[sid].got.contains(p.message))
          f.must_have.emplace_back(sid, p.message);
    }
    client.unsent += "PING\r\n";
    client.fences.push_back(std::move(f));
  }

  void publish(SimClient& client, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      Published p;
      p.message = {client.id, client.next_seq++};
      p.subject = pick_subject(false);
      for (auto& other : clients_)
        for (auto& [sid, sub] : other->subs)
          if (!other->gone && sub.confirmed && !sub.ended &&
              proto::matches(sub.subject, p.subject))
            p.wanted.emplace_back(other->id, sid);
      std::string payload = std::to_string(client.id) + " " + std::to_string(p.message.seq) + " ";
      const uint64_t kind = random_.below(200);
      payload.append(kind == 0 ? 20'000 : kind < 10 ? 700 : random_.below(40), 'x');
      client.unsent += "PUB " + p.subject + " " + std::to_string(payload.size()) + "\r\n" +
                       payload + "\r\n";
      published_.push_back(std::move(p));
    }
    if (random_.below(2) == 0) fence(client);
  }

  void hang_up(SimClient& client) {
    client.gone = lost_to_gone_ = true;
    client.pipe->end();
  }

  // One phase of one reactor's turn, in the order of ReactorLoop: poll, then turn and sleep.
  void step(Lane& lane) {
    if (!lane.polled) {
      bool event = lane.woken || !lane.asleep || sim_now_ns >= lane.reactor->next_deadline_ns();
      for (auto& client : clients_)
        event = event || (lanes_[client->reactor].get() == &lane && has_event(*client));
      if (!event) return;
      lane.woken = lane.asleep = false;
      for (auto& client : clients_)
        if (lanes_[client->reactor].get() == &lane) feed(*client);
      lane.polled = true;
      return;
    }
    lane.polled = false;
    lane.reactor->turn();
    lane.asleep = lane.reactor->prepare_sleep();
    for (auto& client : clients_) read(*client);
  }

  static bool has_event(const SimClient& client) {
    return !client.gone && !client.unsent.empty() && client.pipe->reading();
  }

  void feed(SimClient& client) {
    if (!has_event(client)) return;
    const size_t n = random_.below(4) == 0 ? 1 + random_.below(client.unsent.size())
                                           : client.unsent.size();
    const std::string bytes = client.unsent.substr(0, n);
    client.unsent.erase(0, n);
    client.pipe->feed(bytes);
  }

  void settle() {
    for (auto& client : clients_)
      if (!client->gone) {
        client->pipe->allow(SIZE_MAX / 2);
        fence(*client);
      }
    // Every reactor gets its turns, but one that sleeps only takes them if it was woken.
    for (int i = 0; i < 4000 && fault_.empty(); ++i) {
      sim_now_ns += kNsPerMs;
      for (auto& lane : lanes_) {
        step(*lane);
        step(*lane);
      }
    }
  }

  void read(SimClient& client) {
    if (client.gone) return;
    client.received += client.pipe->written();
    client.pipe->written().clear();
    size_t at = 0;
    while (fault_.empty()) {
      const size_t eol = client.received.find("\r\n", at);
      if (eol == std::string::npos) break;
      const std::string line = client.received.substr(at, eol - at);
      if (line.starts_with("MSG ")) {
        const size_t size_at = line.rfind(' ') + 1;
        const size_t size = std::strtoul(line.c_str() + size_at, nullptr, 10);
        if (client.received.size() < eol + 2 + size + 2) break;
        on_message(client, line, client.received.substr(eol + 2, size));
        at = eol + 2 + size + 2;
        continue;
      }
      at = eol + 2;
      if (line == "PONG") on_pong(client);
      else if (line == "PING") client.unsent += "PONG\r\n";
      else if (!line.starts_with("INFO ")) fail("unexpected line: " + line);
    }
    client.received.erase(0, at);
  }

  void on_message(SimClient& client, const std::string& line, const std::string& payload) {
    char subject[64], sid[32];
    SimMessage m;
    unsigned long long seq = 0;
    if (std::sscanf(line.c_str(), "MSG %63s %31s", subject, sid) != 2 ||
        std::sscanf(payload.c_str(), "%u %llu ", &m.publisher, &seq) != 2)
      return fail("malformed message: " + line);
    m.seq = seq;
    SimSubscription& sub = client.subs[sid];
    if (!proto::matches(sub.subject, subject)) return fail("message for another subject: " + line);
    if (!sub.got.insert(m).second) return fail("message came twice: " + line + " " + payload);
    if (sub.queue.empty()) {
      uint64_t& last = sub.last[m.publisher];
      if (m.seq <= last)
        return fail("client " + std::to_string(client.id) + " sid " + sid + ": publisher " +
                    std::to_string(m.publisher) + " out of order, " + std::to_string(m.seq) +
                    " after " + std::to_string(last));
      last = m.seq;
    } else if (!by_queue_[sub.queue].insert(m).second) {
      fail("queue group " + sub.queue + " got a message twice: " + payload.substr(0, 20));
    }
  }

  void on_pong(SimClient& client) {
    if (client.fences.empty()) return fail("PONG that nobody asked for");
    const SimClient::Fence f = std::move(client.fences.front());
    client.fences.pop_front();
    for (const std::string& sid : f.sids) client.subs[sid].confirmed = true;
    client.settled_seq = std::max(client.settled_seq, f.seq);
    for (const auto& [sid, message] : f.must_have)
      if (!client.subs[sid].ended && !client.subs[sid].got.contains(message))
        fail("PONG overtook message " + std::to_string(message.publisher) + "/" +
             std::to_string(message.seq) + " for client " + std::to_string(client.id));
  }

  void check_end() {
    for (auto& client : clients_)
      if (!client->gone && (!client->fences.empty() || !client->unsent.empty()))
        return fail("client " + std::to_string(client->id) + " on reactor " +
                    std::to_string(client->reactor) + " was never answered: a lost wake");
    for (const Published& p : published_) {
      if (clients_[p.message.publisher]->gone) continue;
      for (const auto& [id, sid] : p.wanted) {
        const SimClient& client = *clients_[id];
        const SimSubscription& sub = client.subs.at(sid);
        if (client.gone || sub.ended) continue;
        const bool got = sub.queue.empty() ? sub.got.contains(p.message)
                                           : lost_to_gone_ || by_queue_[sub.queue].contains(p.message);
        if (!got)
          return fail("message " + std::to_string(p.message.publisher) + "/" +
                      std::to_string(p.message.seq) + " on " + p.subject + " lost for client " +
                      std::to_string(id) + " sid " + sid);
      }
    }
  }

  Random random_;
  Broker broker_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  std::vector<Published> published_;
  std::map<std::string, std::set<SimMessage>> by_queue_;
  std::string fault_;
  // What a client that hung up was sent and never read may include a group's only copy.
  bool lost_to_gone_ = false;
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
    std::printf("seed %llu: %s\nreplay: broker_sim %llu\n", static_cast<unsigned long long>(seed),
                fault.c_str(), static_cast<unsigned long long>(seed));
    return 1;
  }
  std::printf("%llu seeds held\n", static_cast<unsigned long long>(count));
  return 0;
}
