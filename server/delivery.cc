#include "server/delivery.h"

#include <algorithm>

#include "server/broker.h"
#include "server/connection.h"
#include "server/reactor.h"

namespace pipit {

Delivery::Delivery(Reactor& reactor)
    : reactor_(reactor),
      cache_(reactor.broker().account.interest,
             reactor.broker().options.disable_sublist_cache ? 1 : 64 * 1024) {}

void Delivery::publish(Connection& publisher, const Message& message, const net::SlabRef& slab) {
  const router::MatchResult* match = cache_.find(message.subject);
  bool delivered = false;
  if (!match->empty()) {
    // The cached result lives until the next find(), and delivering publishes nothing.
    const Origin origin{publisher.cid(), publisher.slot(), reactor_.index()};
    uint64_t fanout = 0;
    for (const router::ReactorSlice& slice : match->slices) {
      fanout += slice.end - slice.begin;
      if (slice.reactor == reactor_.index()) {
        delivered |= to_plain(*match, slice, message, slab, origin);
      } else {
        MailItem item;
        item.kind = MailItem::Kind::plain;
        item.message = message;
        item.slab = slab.share();
        item.match = router::MatchRef::share(match);
        item.origin = origin;
        item.slice = static_cast<uint32_t>(&slice - match->slices.data());
        reactor_.mailbox().send(slice.reactor, std::move(item));
        delivered = true;
      }
    }
    for (uint32_t g = 0; g < match->groups.size(); ++g) {
      ++fanout;
      const auto first =
          static_cast<uint32_t>(reactor_.random().below(match->groups[g].members.size()));
      delivered |= to_group(*match, g, first, 0, message, slab, origin);
    }
    reactor_.counters().count_fanout(fanout);
    if (reactor_.mailbox().congested()) reactor_.hold_congested(publisher);
  }
  if (!delivered && publisher.no_responders() && !message.reply.empty() && !publisher.closing())
    publisher.send_no_responders(message);
}

void Delivery::handle(MailItem& item) {
  switch (item.kind) {
    case MailItem::Kind::plain:
      to_plain(*item.match, item.match->slices[item.slice], item.message, item.slab, item.origin);
      return;
    case MailItem::Kind::queue:
      to_group(*item.match, item.group, item.member, item.tries, item.message, item.slab,
               item.origin);
      return;
    case MailItem::Kind::stall:
      if (Connection* publisher = reactor_.find(item.origin)) publisher->stall();
      return;
    case MailItem::Kind::none: return;
  }
}

bool Delivery::to_plain(const router::MatchResult& match, const router::ReactorSlice& slice,
                        const Message& message, const net::SlabRef& slab, const Origin& origin) {
  bool delivered = false;
  for (const router::SubRef& ref : match.plain_on(slice))
    delivered |= to_one(ref, message, slab, origin);
  return delivered;
}

// True if it was delivered here or is on its way to another reactor.
bool Delivery::to_group(const router::MatchResult& match, uint32_t group, uint32_t member,
                        uint32_t tries, const Message& message, const net::SlabRef& slab,
                        const Origin& origin) {
  const auto& members = match.groups[group].members;
  const auto count = static_cast<uint32_t>(members.size());
  for (; tries < count; ++tries, member = member + 1 == count ? 0 : member + 1) {
    const router::SubRef& ref = members[member];
    if (ref.reactor == reactor_.index()) {
      if (to_one(ref, message, slab, origin)) return true;
      continue;
    }
    MailItem item;
    item.kind = MailItem::Kind::queue;
    item.message = message;
    item.slab = slab.share();
    item.match = router::MatchRef::share(&match);
    item.origin = origin;
    item.group = group;
    item.member = member;
    item.tries = tries;
    reactor_.mailbox().send(ref.reactor, std::move(item));
    return true;
  }
  return false;
}

bool Delivery::to_one(const router::SubRef& ref, const Message& message, const net::SlabRef& slab,
                      const Origin& origin) {
  Connection* target = reactor_.at(ref.connection);
  if (target == nullptr) return false;
  const Delivered result = target->deliver(ref, message, slab, origin.cid);
  if (result == Delivered::behind) [[unlikely]]
    hold_back(origin);
  return result != Delivered::no;
}

void Delivery::hold_back(const Origin& origin) {
  if (origin.reactor == reactor_.index()) {
    if (Connection* publisher = reactor_.find(origin)) publisher->stall();
    return;
  }
  MailItem item;
  item.kind = MailItem::Kind::stall;
  item.origin = origin;
  reactor_.mailbox().send(origin.reactor, std::move(item));
}

}  // namespace pipit
