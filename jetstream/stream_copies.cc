// What a stream does with messages that come from another one, instead of a publisher: nobody is
// answered.
#include <algorithm>
#include <deque>

#include "jetstream/shard.h"
#include "jetstream/stream.h"

namespace pipit::js {
namespace {

Publish publish_of(const store::StoredMessage& message, int64_t ts_ns) {
  Publish publish;
  publish.subject = message.subject;
  publish.headers = message.headers;
  publish.payload = message.payload;
  publish.ts_ns = ts_ns;
  return publish;
}

Error refusal(const Verdict& verdict) {
  return {Errc::denied, 0, "JetStream", verdict.error.description};
}

}  // namespace

CopyOutcome Stream::mirror(const Copies& copies) {
  CopyOutcome outcome;
  outcome.last_seq = copies.last_seq;
  store::Store& store = *setup_->store;
  const auto failed = [&outcome](const Error& error) {
    outcome.moved = error.code == Errc::invalid_argument;
    if (!outcome.moved) outcome.refused = error;
  };
  if (copies.skip_to > outcome.last_seq) {
    const auto skipped = store.skip(setup_->id, copies.skip_to);
    if (!skipped) {
      failed(skipped.error());
      return outcome;
    }
    outcome.through = last_ticket_ = skipped.value().ticket;
    outcome.last_seq = copies.skip_to;
  }
  const uint64_t failures = shard_.progress().failures();
  for (const store::StoredMessage& message : copies.messages) {
    Publish publish = publish_of(message, message.ts_ns);
    const Verdict verdict = ingest_.check_copy(*setup_, publish, false, failures);
    if (verdict.kind != Verdict::Kind::store) {
      outcome.refused = refusal(verdict);
      break;
    }
    const auto appended =
        store.append_at(setup_->id, outcome.last_seq, message.seq, new_message(publish));
    if (!appended) {
      failed(appended.error());
      break;
    }
    ingest_.stored(publish, failures);
    store::Receipt receipt = appended.value();
    follow_up(publish, receipt);
    outcome.through = last_ticket_;
    outcome.last_seq = message.seq;
    ++outcome.taken;
  }
  return outcome;
}

// Stores them as one group, so that a failure never takes some and leaves later ones, behind which
// a source would go on. What replaces others is stored alone.
CopyOutcome Stream::source(const Copies& copies) {
  CopyOutcome outcome;
  store::Store& store = *setup_->store;
  const int64_t now = shard_.clock().wall_ns();
  const uint64_t failures = shard_.progress().failures();
  std::deque<Publish> publishes;  // which have views into themselves
  std::vector<store::NewMessage> group;
  std::vector<size_t> through_with;  // how much of the batch is done with each of the group
  size_t through = 0;                // of the batch: in the group, or there already
  for (const store::StoredMessage& message : copies.messages) {
    Publish& publish = publishes.emplace_back(publish_of(message, now));
    const Verdict verdict = ingest_.check_copy(*setup_, publish, true, failures);
    const bool twice =
        !publish.id.empty() && setup_->config.duplicate_window_ns > 0 &&
        std::ranges::any_of(group, [&](const auto& other) { return other.id == publish.id; });
    if (verdict.kind == Verdict::Kind::duplicate || twice) {
      publishes.pop_back();
      ++through;
      continue;
    }
    if (verdict.kind == Verdict::Kind::refused) outcome.refused = refusal(verdict);
    // A counter's next message needs what this one makes of it.
    const bool alone = publish.rollup != Publish::Rollup::none || publish.counter;
    if (outcome.refused || (alone && !group.empty())) {
      publishes.pop_back();
      break;
    }
    group.push_back(new_message(publish));
    through_with.push_back(++through);
    if (alone) break;
  }
  outcome.taken = through;
  if (group.empty()) return outcome;
  auto appended = store.append_all(setup_->id, group);
  // A limit refuses one of them, somewhere; what is in front of it is welcome.
  while (!appended && appended.error().code == Errc::exhausted && group.size() > 1) {
    group.resize(group.size() / 2);
    publishes.resize(group.size());
    outcome.taken = through_with[group.size() - 1];
    outcome.refused.reset();
    appended = store.append_all(setup_->id, group);
  }
  if (!appended) {
    outcome.taken = through_with.front() - 1;
    outcome.refused = appended.error();
    return outcome;
  }
  store::Receipt receipt = appended.value();
  for (const Publish& publish : publishes) {
    ingest_.stored(publish, failures);
    ingest_.counted(publish);
    follow_up(publish, receipt);
  }
  outcome.through = last_ticket_;
  return outcome;
}

}  // namespace pipit::js
