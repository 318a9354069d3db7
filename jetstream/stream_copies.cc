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

Error no_room() {
  return {Errc::exhausted, 0, "JetStream", api_error(JsErr::insufficient_resources).description};
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
    const Verdict verdict = ingest_.check_copy(*setup_, publish, Ingest::Copy::of_mirror, failures);
    if (verdict.kind == Verdict::Kind::refused)
      outcome.refused = refusal(verdict);
    else if (!has_room(publish))
      outcome.refused = no_room();
    if (outcome.refused) break;
    const StoredPlace place{message.seq, last_on(publish.subject), publish.ts_ns};
    const bool kept = is_kept(verdict, publish.subject);
    const auto appended =
        kept ? store.append_at(setup_->id, outcome.last_seq, message.seq, new_message(publish))
             : store.skip(setup_->id, message.seq);
    if (!appended) {
      failed(appended.error());
      break;
    }
    ingest_.stored(publish, failures);
    store::Receipt receipt = appended.value();
    follow_up(publish, receipt);
    if (setup_->republish && kept) wait_and_republish(publish, receipt, place);
    outcome.through = last_ticket_;
    outcome.last_seq = message.seq;
    ++outcome.taken;
  }
  return outcome;
}

// Stores them as one group, so that a failure never takes some and leaves later ones, behind which
// a source would go on. What replaces others, adds to a
// counter, or nobody is interested in, comes alone.
CopyOutcome Stream::source(const Copies& copies) {
  CopyOutcome outcome;
  const int64_t now = shard_.clock().wall_ns();
  const uint64_t failures = shard_.progress().failures();
  std::deque<Publish> publishes;  // which have views into themselves
  std::vector<Grouped> group;
  size_t through = 0;  // of the batch: in the group, or there already
  for (const store::StoredMessage& message : copies.messages) {
    Publish& publish = publishes.emplace_back(publish_of(message, now));
    const Verdict verdict = ingest_.check_copy(*setup_, publish, Ingest::Copy::of_source, failures);
    const bool twice = !publish.id.empty() && setup_->config.duplicate_window_ns > 0 &&
                       std::ranges::any_of(group, [&](const Grouped& other) {
                         return other.publish->id == publish.id;
                       });
    if (verdict.kind == Verdict::Kind::duplicate || twice) {
      publishes.pop_back();
      ++through;
      continue;
    }
    if (verdict.kind == Verdict::Kind::refused)
      outcome.refused = refusal(verdict);
    else if (!has_room(publish))
      outcome.refused = no_room();
    const bool kept = is_kept(verdict, publish.subject);
    // A counter's next message needs what this one makes of it.
    const bool alone = publish.rollup != Publish::Rollup::none || publish.counter || !kept;
    if (outcome.refused || (alone && !group.empty())) {
      publishes.pop_back();
      break;
    }
    group.push_back({&publish, ++through, kept, 0});
    group.back().last_on_subject = last_before(group);
    if (alone) break;
  }
  outcome.taken = through;
  if (!group.empty()) append_group(group, failures, outcome);
  return outcome;
}

// Where a republish says that the last message of its subject was.
uint64_t Stream::last_before(const std::vector<Grouped>& group) {
  if (!setup_->republish) return 0;
  const std::string_view subject = group.back().publish->subject;
  for (size_t i = group.size() - 1; i-- > 0;)
    if (group[i].publish->subject == subject) return Grouped::kInGroup | i;
  return last_on(subject);
}

void Stream::append_group(std::vector<Grouped>& group, uint64_t failures, CopyOutcome& outcome) {
  store::Store& store = *setup_->store;
  std::vector<store::NewMessage> messages;
  for (const Grouped& each : group) messages.push_back(new_message(*each.publish));
  const auto append = [&] {
    return group.front().kept ? store.append_all(setup_->id, messages) : skip();
  };
  auto appended = append();
  // A limit refuses one of them, somewhere; what is in front of it is welcome.
  while (!appended && appended.error().code == Errc::exhausted && group.size() > 1) {
    group.resize(group.size() / 2);
    messages.resize(group.size());
    outcome.taken = group.back().through;
    outcome.refused.reset();
    appended = append();
  }
  if (!appended) {
    outcome.taken = group.front().through - 1;
    outcome.refused = appended.error();
    return;
  }
  store::Receipt receipt = appended.value();
  const uint64_t first = receipt.seq - (group.size() - 1);
  for (size_t i = 0; i < group.size(); ++i) {
    const Grouped& each = group[i];
    receipt.seq = first + i;
    ingest_.stored(*each.publish, failures);
    ingest_.counted(*each.publish);
    if (!each.kept) ingest_.skipped(*each.publish, receipt.seq);
    follow_up(*each.publish, receipt);
    if (!setup_->republish || !each.kept) continue;
    const uint64_t last = each.last_on_subject;
    const bool in_group = (last & Grouped::kInGroup) != 0;
    wait_and_republish(
        *each.publish, receipt,
        {receipt.seq, in_group ? first + (last & ~Grouped::kInGroup) : last, each.publish->ts_ns});
  }
  outcome.through = last_ticket_;
}

}  // namespace pipit::js
