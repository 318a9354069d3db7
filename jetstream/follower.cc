#include "jetstream/follower.h"

#include <algorithm>

#include "jetstream/shard.h"
#include "jetstream/stream.h"

namespace pipit::js {
namespace {

bool is_same(const StreamSetup& a, const StreamSetup& b) {
  return a.store == b.store && a.id == b.id && a.definition == b.definition;
}

}  // namespace

struct Follower::Work {
  Copies copies;
  CopyOutcome outcome;
  bool done = false;
};

Follower::Follower(FollowerWorld& world, SetupRef stream, StreamSource source)
    : world_(world), stream_(std::move(stream)), source_(std::move(source)), origin_(source_) {}

FollowReport Follower::report() const {
  const std::lock_guard lock(mutex_);
  FollowReport report = report_;
  if (seen_at_ns_ != 0)
    report.active_ns = std::max<int64_t>(world_.clock.monotonic_ns() - seen_at_ns_, 0);
  return report;
}

void Follower::tell(std::optional<ApiError> error) {
  const std::lock_guard lock(mutex_);
  report_.error = std::move(error);
}

// Is nothing under way any more?
bool Follower::settled(const Progress::News& news) {
  if (under_way_ == 0) return true;
  const bool failed = std::ranges::any_of(news.failed, [this](const FailedTickets& each) {
    return each.from <= under_way_ && under_way_ <= each.through;
  });
  if (failed) {
    next_ = safe_next_;
    retry_at_ns_ = world_.clock.monotonic_ns() + kRetryNs;
  } else if ((stream_->ack_when == AckWhen::durable ? news.durable : news.written) < under_way_) {
    return false;
  }
  under_way_ = 0;
  return true;
}

std::optional<Follower::Passed> Follower::passed() const {
  if (!met_ || !begun_) return std::nullopt;
  return Passed{met_, under_way_ == 0 ? next_ : safe_next_, origin_.filter()};
}

bool Follower::step(const Progress::News& news) {
  if (stopped_ || !settled(news)) return false;
  const int64_t now = world_.clock.monotonic_ns();
  if (now < retry_at_ns_) return false;
  const SetupRef origin = world_.find(source_.name);
  if (!origin) {
    met_.reset();
    tell(api_error(JsErr::stream_not_found));
    return false;
  }
  if ((!met_ || !is_same(*met_, *origin)) && !meet(*origin)) return false;
  met_ = origin;
  const auto work = std::make_shared<Work>();
  Copies& copies = work->copies;
  read(*origin, copies);
  see(copies.messages.size());
  at_rest(next_, copies.messages.size() + beyond_);
  prepare(copies);
  if (copies.messages.empty() && copies.skip_to == 0) return false;
  const uint64_t behind = copies.messages.empty() ? next_ : copies.messages.back().seq + 1;
  if (!deliver(work)) return false;
  const CopyOutcome& outcome = work->outcome;
  if (outcome.moved) {
    met_.reset();  // begins again behind what is there
    begun_ = false;
    return false;
  }
  taken(outcome);
  safe_next_ = next_;
  under_way_ = outcome.through;
  const size_t left = copies.messages.size() - outcome.taken;
  see(left);
  next_ = left == 0 ? behind : copies.messages[outcome.taken].seq;
  if (outcome.refused) {
    refused(*outcome.refused);
    return false;
  }
  said_.clear();
  return under_way_ == 0 && (left > 0 || !at_end_);
}

// `left`: messages that were read and are not copied.
void Follower::see(size_t left) {
  const std::lock_guard lock(mutex_);
  seen_at_ns_ = world_.clock.monotonic_ns();
  report_.lag = left + beyond_;
}

// True: next_ is where to read on.
bool Follower::meet(const StreamSetup& origin) {
  const auto state = origin.store->state(origin.id);
  if (!state) return false;
  if (!begun_ && !can_begin()) return false;
  if (!begun_) next_ = begin(origin, state.value());
  begun_ = true;
  safe_next_ = next_;
  tell({});
  // A stream of that name was made anew, perhaps. Its sequences are taken for those of the old one.
  if (next_ > state.value().last_seq + 1)
    world_.settings.log(Settings::Say::warning,
                        "JetStream stream '" + stream_->name() + "' has copied '" + source_.name +
                            "' up to " + std::to_string(next_ - 1) + ", which now ends at " +
                            std::to_string(state.value().last_seq) +
                            ": messages are copied again from there on");
  return true;
}

// Where to begin is read from the stream, so what one before this has brought has to be committed.
bool Follower::can_begin() {
  const auto own = stream_->store->state(stream_->id);
  if (!own) return false;
  if (!begin_behind_) begin_behind_ = own.value().last_seq;
  return own.value().committed_seq >= std::min(*begin_behind_, own.value().last_seq);
}

void Follower::read(const StreamSetup& origin, Copies& copies) {
  const store::SubjectFilter filter = origin_.filter();
  size_t bytes = 0;
  uint64_t from = next_;
  at_end_ = false;
  const auto state = origin.store->state(origin.id);
  if (!state) return;
  while (copies.messages.size() < kBatchMessages && bytes < kBatchBytes) {
    auto message = origin.store->next(origin.id, filter, from);
    if (!message) {
      at_end_ = message.error().code == Errc::invalid_argument;
      if (!at_end_) refused(message.error());
      break;
    }
    from = message.value().seq + 1;
    bytes += message.value().subject.size() + message.value().headers.size() +
             message.value().payload.size();
    copies.messages.push_back(std::move(message).value());
    adapt(copies.messages.back());
  }
  // What the filter does not take need not be looked at again.
  if (at_end_ && copies.messages.empty()) next_ = std::max(next_, state.value().committed_seq + 1);
  const uint64_t last = state.value().last_seq;
  const uint64_t first = std::max(from, state.value().first_seq);
  beyond_ = at_end_ || first > last ? 0 : std::min(last - first + 1, state.value().messages);
}

// False: the stream is not there any more, or the server stops and the batch is the reactor's.
bool Follower::deliver(const std::shared_ptr<Work>& work) {
  const bool ran = world_.homes.run(
      world_.homes.of(stream_->name()), [self = shared_from_this(), work](Shard& shard) {
        Stream* const target = shard.find(self->stream_->name());
        if (target == nullptr || !is_same(target->setup(), *self->stream_)) return;
        work->outcome = self->hand_over(*target, work->copies);
        work->done = true;
      });
  // Nobody knows whether it still runs: whoever handed it over again might store it twice.
  if (!ran) stopped_ = true;
  return ran && work->done;
}

// It is tried again, and said once.
void Follower::refused(const Error& error) {
  retry_at_ns_ = world_.clock.monotonic_ns() + kRetryNs;
  if (error.code == Errc::slow_consumer) return;
  if (said_ == error.text) return;
  said_ = error.text;
  world_.settings.log(Settings::Say::warning, "JetStream stream '" + stream_->name() +
                                                  "' cannot store what comes from '" +
                                                  source_.name + "': " + error.text);
}

}  // namespace pipit::js
