#include "jetstream/shard.h"

#include <algorithm>

#include "jetstream/stream.h"

namespace pipit::js {
namespace {

constexpr int64_t kRetryNs = 1'000'000'000;  // after the store failed

}  // namespace

Shard::Shard(const Settings& settings, JsClock& clock, DirectReader& reader, size_t home)
    : settings_(settings),
      clock_(clock),
      zones_(settings.read_time_zone),
      reader_(reader),
      home_(home) {
  batch_room_.bytes_max = static_cast<uint64_t>(settings.max_buffered_bytes);
}

Shard::~Shard() = default;

bool Shard::open(SetupRef setup) {
  if (host_ == nullptr) return false;
  auto stream = std::make_unique<Stream>(*this, std::move(setup));
  if (!stream->open()) return false;
  streams_.push_back(std::move(stream));
  return true;
}

Stream* Shard::find(const std::string& name) {
  for (const auto& stream : streams_)
    if (stream->setup().name() == name) return stream.get();
  return nullptr;
}

void Shard::update(const SetupRef& setup) {
  if (Stream* const stream = find(setup->name())) stream->update(setup);
}

void Shard::close(const std::string& name) {
  const auto found = std::find_if(streams_.begin(), streams_.end(), [&](const auto& stream) {
    return stream->setup().name() == name;
  });
  if (found == streams_.end()) return;
  (*found)->close();
  closing_.push_back(std::move(*found));
  streams_.erase(found);
}

void Shard::wait(AckWhen when, const PendingAck& ack, const AckTexts& texts) {
  (when == AckWhen::written ? written_ : durable_).push(ack, texts);
}

void Shard::turn() {
  settle();
  if (!closing_.empty()) bury();
  if (std::exchange(changed_, false) && tell_changes_) tell_changes_();
  tend();
}

void Shard::tend_at(int64_t wall_ns) {
  if (wall_ns == 0 || (tend_at_ns_ != 0 && tend_at_ns_ <= wall_ns)) return;
  tend_at_ns_ = wall_ns;
  if (host_ != nullptr) host_->wake_at(clock_.monotonic_ns() + wall_ns - clock_.wall_ns());
}

// What streams do by themselves when its time has come.
void Shard::tend() {
  if (host_ == nullptr) return;
  if (const uint64_t failures = progress_.failures(); failures != failures_) {
    failures_ = failures;
    const int64_t now = clock_.wall_ns();
    for (const auto& stream : streams_) stream->look_again(now + kRetryNs);
    tend_at(now + kRetryNs);
  }
  if (tend_at_ns_ == 0) return;
  const int64_t now = clock_.wall_ns();
  if (now < tend_at_ns_) return;
  tend_at_ns_ = 0;
  for (const auto& stream : streams_) tend_at(stream->tend(now));
  if (tend_at_ns_ == 0) host_->wake_at(0);
}

void Shard::settle() {
  if (durable_.empty() && written_.empty()) {
    if (waits_) progress_.rest();
    waits_ = false;
    return;
  }
  waits_ = true;
  const Progress::News news = progress_.look();
  release(durable_, news.durable, news.failed);
  release(written_, news.written, news.failed);
}

// A failed ticket is passed by later ones that did not fail, so failures come first.
void Shard::release(AckQueue& queue, store::Ticket through,
                    const std::vector<FailedTickets>& failed) {
  const auto failure = [&](store::Ticket ticket) {
    return std::find_if(failed.begin(), failed.end(), [&](const FailedTickets& each) {
      return each.from <= ticket && ticket <= each.through;
    });
  };
  // Of what failed only the removal of something older: the message itself is there.
  if (!failed.empty())
    for (PendingAck& ack : queue.entries())
      if (ack.ticket != ack.through && failure(ack.through) != failed.end() &&
          failure(ack.ticket) == failed.end())
        ack.through = ack.ticket;
  while (!queue.empty()) {
    const PendingAck& ack = queue.front();
    if (const auto found = failure(ack.ticket); found != failed.end())
      ack.stream->failed(ack, queue.texts(), found->error);
    else if (ack.through <= through)
      ack.stream->stored(ack, queue.texts());
    else
      break;
    queue.pop();
  }
}

void Shard::bury() {
  std::erase_if(closing_, [](const auto& stream) { return stream->pending() == 0; });
}

void Shard::closed() { host_ = nullptr; }

}  // namespace pipit::js
