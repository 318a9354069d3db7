#include "server/delivery.h"

#include <algorithm>

#include "server/broker.h"
#include "server/endpoint.h"
#include "server/reactor.h"

namespace pipit {
namespace {

MailItem mail(MailItem::Kind kind, const router::MatchResult& match, const Delivery::Parcel& parcel) {
  MailItem item;
  item.kind = kind;
  item.message = parcel.message;
  item.slab = parcel.slab.share();
  item.match = router::MatchRef::share(&match);
  item.origin = parcel.origin;
  item.request = parcel.several ? parcel.request.split() : std::move(parcel.request);
  return item;
}

}  // namespace

Delivery::Delivery(Reactor& reactor)
    : reactor_(reactor),
      cache_(reactor.broker().account.interest,
             reactor.broker().options.disable_sublist_cache ? 1 : 64 * 1024) {}

void Delivery::publish(Endpoint& publisher, const proto::Message& message, const net::SlabRef& slab) {
  busy_ = true;
  const router::MatchResult* match = cache_.find(message.subject);
  RequestPiece request;
  if (publisher.no_responders() && !message.reply.empty()) request = RequestPiece::whole();
  bool taken = false;
  if (!match->empty()) {
    // The cached result lives until the next find(), and delivering publishes nothing.
    const Origin origin{publisher.cid(), publisher.slot(), reactor_.index()};
    const bool several = match->slices.size() + match->groups.size() > 1;
    const Parcel parcel{message, slab, origin, request, several};
    uint64_t fanout = 0;
    for (const router::ReactorSlice& slice : match->slices) {
      fanout += slice.end - slice.begin;
      if (slice.reactor == reactor_.index()) {
        taken |= to_plain(*match, slice, parcel);
      } else {
        MailItem item = mail(MailItem::Kind::plain, *match, parcel);
        item.slice = static_cast<uint32_t>(&slice - match->slices.data());
        reactor_.mailbox().send(slice.reactor, std::move(item));
      }
    }
    for (uint32_t g = 0; g < match->groups.size(); ++g) {
      ++fanout;
      const auto first =
          static_cast<uint32_t>(reactor_.random().below(match->groups[g].members.size()));
      taken |= to_group(*match, g, first, 0, parcel);
    }
    reactor_.counters().count_fanout(fanout);
    if (reactor_.mailbox().congested()) reactor_.hold_congested(publisher);
  }
  if (request.end(taken)) answer_no_responders(publisher, message);
  busy_ = false;
}

void Delivery::handle(MailItem& item) {
  busy_ = true;
  dispatch(item);
  busy_ = false;
}

void Delivery::dispatch(MailItem& item) {
  const Parcel parcel{item.message, item.slab, item.origin, item.request};
  bool taken = false;
  switch (item.kind) {
    case MailItem::Kind::plain:
      taken = to_plain(*item.match, item.match->slices[item.slice], parcel);
      if (item.request.end(taken)) found_nobody(parcel);
      return;
    case MailItem::Kind::queue:
      taken = to_group(*item.match, item.group, item.member, item.tries, parcel);
      if (item.request.end(taken)) found_nobody(parcel);
      // It may have gone on to another reactor whose ring is full: what waits for it is bounded by
      // holding back who sends.
      if (reactor_.mailbox().congested()) hold_back(item.origin);
      return;
    case MailItem::Kind::stall:
      if (Endpoint* publisher = reactor_.find(item.origin)) publisher->stall();
      return;
    case MailItem::Kind::nobody: return found_nobody(parcel);
    case MailItem::Kind::none: return;
  }
}

bool Delivery::to_plain(const router::MatchResult& match, const router::ReactorSlice& slice,
                        const Parcel& parcel) {
  bool delivered = false;
  for (const router::SubRef& ref : match.plain_on(slice)) delivered |= to_one(ref, parcel);
  return delivered;
}

// True if it was delivered here. It may have gone on to another reactor.
bool Delivery::to_group(const router::MatchResult& match, uint32_t group, uint32_t member,
                        uint32_t tries, const Parcel& parcel) {
  const auto& members = match.groups[group].members;
  const auto count = static_cast<uint32_t>(members.size());
  for (; tries < count; ++tries, member = member + 1 == count ? 0 : member + 1) {
    const router::SubRef& ref = members[member];
    if (ref.reactor == reactor_.index()) {
      if (to_one(ref, parcel)) return true;
      continue;
    }
    MailItem item = mail(MailItem::Kind::queue, match, parcel);
    item.group = group;
    item.member = member;
    item.tries = tries;
    reactor_.mailbox().send(ref.reactor, std::move(item));
    return false;
  }
  return false;
}

bool Delivery::to_one(const router::SubRef& ref, const Parcel& parcel) {
  Endpoint* target = reactor_.at(ref.connection);
  if (target == nullptr) return false;
  const Delivered result = target->deliver(ref, parcel.message, parcel.slab, parcel.origin.cid);
  if (result == Delivered::behind) [[unlikely]]
    hold_back(parcel.origin);
  return result != Delivered::no;
}

void Delivery::hold_back(const Origin& origin) {
  if (origin.reactor == reactor_.index()) {
    if (Endpoint* publisher = reactor_.find(origin)) publisher->stall();
    return;
  }
  MailItem item;
  item.kind = MailItem::Kind::stall;
  item.origin = origin;
  reactor_.mailbox().send(origin.reactor, std::move(item));
}

// All whom a request was for have gone while it was on its way.
void Delivery::found_nobody(const Parcel& parcel) {
  if (parcel.origin.reactor == reactor_.index()) {
    if (Endpoint* publisher = reactor_.find(parcel.origin))
      answer_no_responders(*publisher, parcel.message);
    return;
  }
  MailItem item;
  item.kind = MailItem::Kind::nobody;
  item.message = parcel.message;
  item.slab = parcel.slab.share();
  item.origin = parcel.origin;
  reactor_.mailbox().send(parcel.origin.reactor, std::move(item));
}

// To the first of the publisher's own subscriptions on the reply subject, queue groups aside. Looked
// up in the trie: the publisher may have very many.
void Delivery::answer_no_responders(Endpoint& publisher, const proto::Message& message) {
  const router::MatchResult* match = cache_.find(message.reply);
  for (const router::ReactorSlice& slice : match->slices) {
    if (slice.reactor != reactor_.index()) continue;
    for (const router::SubRef& ref : match->plain_on(slice))
      if (ref.connection == publisher.slot() && publisher.send_no_responders(ref, message)) return;
  }
}

}  // namespace pipit
