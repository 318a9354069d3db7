// Stream: messages that come as one.
#include <algorithm>
#include <map>

#include "jetstream/advisory.h"
#include "jetstream/batch_checks.h"
#include "jetstream/shard.h"
#include "jetstream/stream.h"
#include "protocol/json_writer.h"

namespace pipit::js {

bool Stream::take_batch(const Publish& publish) {
  const PublishHeaders asks(publish.headers);
  const std::string_view id = asks[PublishHeader::batch_id];
  if (id.empty()) return false;
  AtomicBatches::Step step = batches_.take(setup_->config, publish.subject, publish.headers,
                                           publish.payload, asks, publish.ts_ns);
  if (!step.abandoned.empty()) abandoned(id, step.abandoned);
  switch (step.kind) {
    case AtomicBatches::Step::Kind::gathered:
      shard_.tend_at(batches_.next_ns());
      answer(publish.reply, {});
      break;
    case AtomicBatches::Step::Kind::commit:
      commit(publish, id, step.messages);
      break;
    case AtomicBatches::Step::Kind::refused:
      refuse(publish.reply, step.error);
      break;
  }
  return true;
}

void Stream::abandoned(std::string_view id, std::string_view reason) {
  if (shard_.host() == nullptr) return;
  const Advisory advisory =
      batch_abandoned(shard_.settings(), shard_.clock().wall_ns(), setup_->name(), id, reason);
  shard_.host()->publish({advisory.subject, {}, {}, advisory.json});
}

// `last`: of whom the answer is for.
void Stream::commit(const Publish& last, std::string_view id,
                    const std::vector<AtomicBatches::Message>& messages) {
  const uint64_t failures = shard_.progress().failures();
  const auto state = setup_->store->state(setup_->id);
  const uint64_t last_seq = state ? state.value().last_seq : 0;
  std::vector<Publish> batch(messages.size());
  std::vector<store::NewMessage> news;
  BatchSoFar so_far;
  bool kept = true;  // all or none: that nobody is interested does not depend on the message
  for (size_t i = 0; i < messages.size(); ++i) {
    Publish& publish = batch[i];
    publish.subject = messages[i].subject;
    publish.headers = messages[i].headers;
    publish.payload = messages[i].payload;
    publish.ts_ns = last.ts_ns;
    publish.batch = &so_far;
    std::string mapped;
    const bool maps =
        setup_->transform && setup_->transform->apply(publish.subject, mapped, random_);
    if (const auto fault = so_far.before(PublishHeaders(publish.headers),
                                         maps ? mapped : publish.subject, last_seq))
      return refuse(last.reply, *fault);
    const Verdict verdict = ingest_.check(*setup_, publish, failures);
    if (verdict.kind == Verdict::Kind::refused) return refuse(last.reply, verdict.error);
    if (verdict.kind == Verdict::Kind::duplicate)
      return refuse(last.reply, api_error(JsErr::atomic_duplicate_id));
    if (const auto fault = so_far.after(publish)) return refuse(last.reply, *fault);
    kept = kept && verdict.kind == Verdict::Kind::store;
    news.push_back(new_message(publish));
  }
  const std::vector<uint64_t> before = kept ? lasts_of(batch, last_seq) : std::vector<uint64_t>();
  const auto appended = kept ? setup_->store->append_all(setup_->id, news)
                             : setup_->store->skip(setup_->id, last_seq + batch.size());
  if (!appended) {
    if (appended.error().code == Errc::slow_consumer)
      too_many(last.reply);
    else
      refuse(last.reply, store_error(appended.error()));
    return;
  }
  store::Receipt receipt = appended.value();
  receipt.seq = last_seq + batch.size();
  batch.back().reply = last.reply;
  batch.back().extra = ",\"batch\":";
  proto::JsonWriter(batch.back().extra).value(id);
  batch.back().extra += ",\"count\":" + std::to_string(batch.size());
  for (size_t i = 0; i < batch.size(); ++i) {
    store::Receipt one = receipt;
    one.seq = last_seq + 1 + i;
    ingest_.stored(batch[i], failures);
    ingest_.counted(batch[i]);
    if (!kept) {
      ingest_.skipped(batch[i], one.seq);
      batch[i].schedule.due.reset();
    }
    follow_up(batch[i], one);
    receipt.through = std::max(receipt.through, one.through);
    one.through = receipt.through;
    if (setup_->republish && kept)
      wait_and_republish(batch[i], one, {one.seq, before[i], last.ts_ns});
    else
      wait(batch[i], one, {});
  }
}

// The last sequence on the subject of each message, when it is stored behind `last_seq`; only a
// republish wants to know.
std::vector<uint64_t> Stream::lasts_of(const std::vector<Publish>& batch, uint64_t last_seq) {
  if (!setup_->republish) return {};
  std::map<std::string_view, uint64_t> newest;
  std::vector<uint64_t> lasts;
  for (const Publish& publish : batch) {
    const auto [found, first] = newest.try_emplace(publish.subject, 0);
    lasts.push_back(first ? last_on(publish.subject) : found->second);
    found->second = last_seq + lasts.size();
  }
  return lasts;
}

}  // namespace pipit::js
