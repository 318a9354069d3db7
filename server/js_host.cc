#include "server/js_host.h"

#include <algorithm>

#include "server/broker.h"
#include "server/reactor.h"

namespace pipit {

JsHost::JsHost(Reactor& reactor, uint32_t slot, uint64_t cid)
    : Endpoint(reactor, slot, cid, Wire::internal), wake_timer_(*this, &JsHost::on_wake_timer) {
  // A stream may capture what another one republishes.
  wants_.echo = wants_.headers = true;
  never_stall();
}

JsHost::~JsHost() { reactor_.timers().cancel(wake_timer_); }

const net::PeerAddress& JsHost::peer() const { return reactor_.inproc().address(); }

Delivered JsHost::deliver(const router::SubRef& ref, const proto::Message& message,
                          const net::SlabRef&, uint64_t origin_cid) {
  SubscriptionRecord* const sub = wanted(ref, origin_cid);
  if (sub == nullptr) return Delivered::no;
  const bool taken = receivers_[sub->slot]->receive(
      {message.subject, message.reply, message.headers(), message.body()});
  return taken ? Delivered::yes : Delivered::no;
}

void JsHost::publish(const js::HostMessage& message) {
  if (closing_) return;
  Outgoing out;
  out.subject = message.subject;
  out.reply = message.reply;
  out.headers = message.headers;
  out.bytes = message.payload;
  const bool now = !reactor_.delivery().busy() && waiting_.empty() && !held();
  Composed composed = compose(out, area_, !now);
  if (now) return send(composed.message, composed.own ? composed.own : area_.slab());
  waiting_.push_back(
      {composed.message, composed.own ? std::move(composed.own) : area_.slab().share()});
}

void JsHost::send(const proto::Message& message, const net::SlabRef& slab) {
  reactor_.delivery().publish(*this, message, slab);
}

bool JsHost::has_interest(std::string_view subject) {
  return reactor_.delivery().has_interest(subject);
}

js::Host::Subscription JsHost::subscribe(std::string_view subject, std::string_view queue,
                                         js::Receiver& receiver) {
  const uint64_t id = next_sid_++;
  const std::string sid = std::to_string(id);
  // The receiver has to be there before the first message, which may be on its way at once.
  if (closing_ || !Endpoint::subscribe(subject, queue, sid).empty()) return 0;
  const uint32_t slot = subscriptions_.find(sid)->slot;
  if (receivers_.size() <= slot) receivers_.resize(slot + 1);
  receivers_[slot] = &receiver;
  return id;
}

void JsHost::unsubscribe(Subscription subscription) {
  if (SubscriptionRecord* const sub = subscriptions_.find(std::to_string(subscription)))
    remove_subscription(*sub);
}

void JsHost::wake_at(int64_t monotonic_ns) {
  if (monotonic_ns == 0) return reactor_.timers().cancel(wake_timer_);
  if (!closing_) reactor_.timers().arm(wake_timer_, monotonic_ns);
}

void JsHost::turn() {
  drain();
  if (guest_ != nullptr) guest_->turn();
}

// What one turn brings about by publishing to streams again waits for the next.
void JsHost::drain() {
  for (size_t left = waiting_.size(); left > 0 && !held(); --left) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    send(next.message, next.slab);
  }
}

void JsHost::on_close() {
  waiting_.clear();
  reactor_.timers().cancel(wake_timer_);
  if (guest_ != nullptr) std::exchange(guest_, nullptr)->closed();
  finish();
}

}  // namespace pipit
