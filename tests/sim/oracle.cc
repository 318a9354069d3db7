#include "tests/sim/oracle.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "protocol/subject.h"

namespace pipit::sim {
namespace {

std::string name_of(const SimMessage& message) {
  return "message " + std::to_string(message.publisher) + "/" + std::to_string(message.seq);
}
std::string name_of(const SimClient& client) {
  return "client " + std::to_string(client.id) + " on reactor " + std::to_string(client.reactor);
}

}  // namespace

void Oracle::published(SimClient& client, std::string subject, bool request) {
  Published p{{client.id, client.next_seq++}, std::move(subject), request, {}};
  for (const auto& other : clients_) {
    if (other->leaving || (other.get() == &client && !client.echo)) continue;
    for (const auto& [sid, sub] : other->subs)
      if (sub.confirmed && !sub.ended && proto::matches(sub.subject, p.subject))
        p.wanted.emplace_back(other->id, sid);
  }
  published_.push_back(std::move(p));
}

void Oracle::fenced(SimClient& client) {
  SimClient::Fence fence;
  for (const auto& [sid, sub] : client.subs)
    if (!sub.confirmed) fence.sids.push_back(sid);
  fence.seq = client.next_seq - 1;
  for (const Published& p : published_) {
    if (p.message.seq > clients_[p.message.publisher]->settled_seq) continue;
    for (const auto& [id, sid] : p.wanted) {
      if (id != client.id) continue;
      const SimSubscription& sub = client.subs[sid];
      if (sub.queue.empty() && sub.max == 0 && !sub.got.contains(p.message))
        fence.must_have.emplace_back(sid, p.message);
    }
  }
  client.fences.push_back(std::move(fence));
}

void Oracle::read(SimClient& client) {
  if (client.gone) return;
  client.received += std::exchange(client.pipe->written(), {});
  size_t at = 0;
  while (fault_.empty()) {
    const size_t eol = client.received.find("\r\n", at);
    if (eol == std::string::npos) break;
    const std::string line = client.received.substr(at, eol - at);
    size_t size = 0;
    if (line.starts_with("MSG ") || line.starts_with("HMSG ")) {
      size = std::strtoul(line.c_str() + line.rfind(' ') + 1, nullptr, 10) + 2;
      if (client.received.size() < eol + 2 + size) break;
    }
    if (line.starts_with("MSG ")) on_message(client, line, client.received.substr(eol + 2, size));
    else if (line.starts_with("HMSG ")) on_refusal(client, line);
    else if (line == "PONG") on_pong(client);
    else if (line == "PING") client.unsent += "PONG\r\n";
    else if (line.starts_with("-ERR 'Unknown Protocol") && client.leaving) client.gone = true;
    else if (!line.starts_with("INFO ")) fail("unexpected line: " + line);
    at = eol + 2 + size;
  }
  client.received.erase(0, at);
  if (!client.pipe->closed()) return;
  // The broker closed it.
  if (!client.leaving && !client.limited) fail(name_of(client) + " was cut off without a reason");
  client.unsure |= client.limited;
  client.leaving = client.gone = true;
}

void Oracle::on_message(SimClient& client, const std::string& line, const std::string& payload) {
  char subject[64], sid[32];
  SimMessage m;
  unsigned long long seq = 0;
  if (std::sscanf(line.c_str(), "MSG %63s %31s", subject, sid) != 2 ||
      std::sscanf(payload.c_str(), "%u %llu ", &m.publisher, &seq) != 2)
    return fail("malformed message: " + line);
  m.seq = seq;
  const std::string what = name_of(client) + " sid " + sid + ": " + name_of(m);
  SimSubscription& sub = client.subs[sid];
  if (!proto::matches(sub.subject, subject)) return fail(what + " is of another subject");
  if (m.publisher == client.id && !client.echo) return fail(what + " is its own");
  if (!sub.got.insert(m).second) return fail(what + " came twice");
  if (sub.max != 0 && sub.confirmed && sub.got.size() > sub.max) return fail(what + " is one too many");
  taken_.insert(m);
  uint64_t& last = sub.last[m.publisher];
  if (m.seq <= last) sub.disorder = what + " came after " + std::to_string(last);
  last = std::max(last, m.seq);
  if (sub.queue.empty()) {
    if (!sub.disorder.empty()) fail(sub.disorder);
  } else if (!by_queue_[sub.queue].insert(m).second) {
    fail(what + " is the second of queue group " + sub.queue);
  }
}

void Oracle::on_refusal(SimClient& client, const std::string& line) {
  unsigned id = 0;
  unsigned long long seq = 0;
  if (std::sscanf(line.c_str(), "HMSG _R.%u.%llu inbox ", &id, &seq) != 2 || id != client.id)
    return fail("unexpected line: " + line);
  if (!client.refused.insert(seq).second) fail(line + ": refused twice");
}

void Oracle::on_pong(SimClient& client) {
  if (client.fences.empty()) return fail("PONG that nobody asked for");
  const SimClient::Fence fence = std::move(client.fences.front());
  client.fences.pop_front();
  for (const std::string& sid : fence.sids) {
    SimSubscription& sub = client.subs[sid];
    sub.confirmed = true;
    // Messages may have come between the SUB and the UNSUB behind it.
    if (sub.max != 0) sub.max = std::max<uint64_t>(sub.max, sub.got.size());
  }
  client.settled_seq = std::max(client.settled_seq, fence.seq);
  if (may_lose(client)) return;
  for (const auto& [sid, message] : fence.must_have)
    if (!client.subs[sid].ended && !client.subs[sid].got.contains(message))
      fail("a PONG overtook " + name_of(message) + " for " + name_of(client) + " sid " + sid);
}

// A member that is gone may have had it.
bool Oracle::may_be_lost_in_group(const Published& p, const std::string& queue) const {
  for (const auto& client : clients_)
    for (const auto& [sid, sub] : client->subs)
      if (client->gone && sub.queue == queue && proto::matches(sub.subject, p.subject)) return true;
  return false;
}

void Oracle::check_wanted(const Published& p) {
  for (const auto& [id, sid] : p.wanted) {
    const SimClient& client = *clients_[id];
    const SimSubscription& sub = client.subs.at(sid);
    if (may_lose(client) || sub.ended) continue;
    if (sub.max != 0) {
      if (sub.queue.empty()) ++counted_[&sub];
      continue;
    }
    const bool got = sub.queue.empty() ? sub.got.contains(p.message)
                                       : by_queue_[sub.queue].contains(p.message) ||
                                             may_be_lost_in_group(p, sub.queue);
    if (!got)
      return fail(name_of(p.message) + " on " + p.subject + " is lost for " + name_of(client) +
                  " sid " + sid + " queue '" + sub.queue + "'");
  }
}

void Oracle::check_request(const Published& p) {
  const SimClient& asking = *clients_[p.message.publisher];
  if (may_lose(asking)) return;
  const bool refused = asking.refused.contains(p.message.seq);
  const bool taken = taken_.contains(p.message);
  const std::string what = "request " + name_of(p.message) + " on " + p.subject;
  if (refused && taken) return fail(what + " was taken and refused");
  bool certain = false, lossy = false;
  for (const auto& client : clients_)
    for (const auto& [sid, sub] : client->subs) {
      if (!proto::matches(sub.subject, p.subject) || (client.get() == &asking && !asking.echo))
        continue;
      lossy |= may_lose(*client);
    }
  for (const auto& [id, sid] : p.wanted) {
    const SimSubscription& sub = clients_[id]->subs.at(sid);
    certain |= !may_lose(*clients_[id]) && !sub.ended && sub.max == 0;
  }
  if (certain && refused) fail(what + " was refused though somebody was there");
  if (!lossy && !refused && !taken) fail(what + " got no answer");
}

void Oracle::check_subscriptions() {
  for (const auto& client : clients_)
    for (const auto& [sid, sub] : client->subs)
      if (client->leaving || sub.ended || sub.max != 0) restless_.insert(sub.queue);
  for (const auto& client : clients_) {
    for (const auto& [sid, sub] : client->subs) {
      // A message that finds its member gone goes on to the next, and newer ones may be faster.
      if (!sub.disorder.empty() && !restless_.contains(sub.queue) && !drops_) fail(sub.disorder);
      if (sub.got.size() < std::min(sub.max, counted_[&sub]))
        fail(name_of(*client) + " sid " + sid + " got " + std::to_string(sub.got.size()) + " of " +
             std::to_string(sub.max));
    }
  }
}

void Oracle::check_end() {
  for (const auto& client : clients_)
    if (!client->leaving && (!client->fences.empty() || !client->unsent.empty()))
      return fail(name_of(*client) + " was never answered: a lost wake");
  for (const Published& p : published_) {
    if (clients_[p.message.publisher]->unsure) continue;
    check_wanted(p);
    if (p.request) check_request(p);
  }
  check_subscriptions();
}

}  // namespace pipit::sim
