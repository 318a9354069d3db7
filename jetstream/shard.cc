#include "jetstream/shard.h"

#include <algorithm>

#include "jetstream/stream.h"

namespace pipit::js {

Shard::Shard(const Settings& settings, store::Clock& clock, Reader& reader, size_t home)
    : settings_(settings), clock_(clock), reader_(reader), home_(home) {}

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
