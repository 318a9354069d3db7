#include "jetstream/stream.h"

#include <algorithm>
#include <cstring>

#include "jetstream/shard.h"
#include "protocol/headers.h"
#include "protocol/subject.h"

namespace pipit::js {
namespace {

// Of two times; 0 is none.
int64_t earlier(int64_t a, int64_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

}  // namespace

Stream::Stream(Shard& shard, SetupRef setup)
    : shard_(shard),
      setup_(std::move(setup)),
      acks_(setup_->name(), shard.settings().domain),
      ingest_(shard.clock(), shard.zones()),
      schedules_(shard.zones()),
      batches_(shard.batch_room()),
      direct_(shard) {}

Stream::~Stream() = default;

bool Stream::open() {
  listen(wanted());
  const bool all =
      std::all_of(ears_.begin(), ears_.end(), [](const Ear& ear) { return ear.subscription != 0; });
  if (!all) {
    close();
    return false;
  }
  direct_.follow(setup_);
  plan(shard_.clock().wall_ns());
  return true;
}

// What it listens to, by its configuration.
std::vector<Stream::Ear> Stream::wanted() {
  std::vector<Ear> ears;
  for (const std::string& subject : setup_->config.subjects) ears.push_back({subject, this});
  return ears;
}

// Subjects that stay are not interrupted.
void Stream::listen(std::vector<Ear> wanted) {
  Host* const host = shard_.host();
  if (host == nullptr) return;
  for (Ear& ear : wanted) {
    const auto had = std::find_if(ears_.begin(), ears_.end(), [&](const Ear& old) {
      return old.subject == ear.subject && old.receiver == ear.receiver;
    });
    if (had != ears_.end())
      ear.subscription = std::exchange(had->subscription, 0);
    else
      ear.subscription = host->subscribe(ear.subject, "", *ear.receiver);
  }
  for (const Ear& old : ears_)
    if (old.subscription != 0) host->unsubscribe(old.subscription);
  ears_ = std::move(wanted);
}

void Stream::is_near_origin() {
  near_origin_ = true;
  answer_for_origin();
}

void Stream::answer_for_origin() {
  const StreamConfig& config = setup_->config;
  const bool answers = near_origin_ && config.mirror && config.mirror_direct;
  direct_.answer_for(answers ? std::string_view(config.mirror->name) : std::string_view());
}

void Stream::update(SetupRef setup) {
  setup_ = std::move(setup);
  if (!setup_->config.allow_atomic) batches_.clear();
  listen(wanted());
  direct_.follow(setup_);
  answer_for_origin();
  plan(shard_.clock().wall_ns());
}

void Stream::plan(int64_t at_ns) {
  look_again(at_ns);
  shard_.tend_at(at_ns);
}

void Stream::close() {
  batches_.clear();
  listen({});
  direct_.follow(nullptr);
}

bool Stream::receive(const HostMessage& message) {
  if (shard_.host() == nullptr) return false;
  Publish publish;
  publish.subject = message.subject;
  publish.reply = setup_->config.no_ack ? std::string_view() : message.reply;
  publish.headers = message.headers;
  publish.payload = message.payload;
  publish.ts_ns = shard_.clock().wall_ns();
  const Settings& settings = shard_.settings();
  if (pending_ >= static_cast<uint64_t>(settings.max_buffered_msgs) ||
      pending_bytes_ >= static_cast<uint64_t>(settings.max_buffered_bytes)) {
    too_many(publish.reply);
    return true;
  }
  const bool batches = setup_->config.allow_atomic && !publish.headers.empty();
  if (!batches || !take_batch(publish)) append(publish);
  return true;
}

Schedules::Sent Stream::append(Publish& publish) {
  const uint64_t failures = shard_.progress().failures();
  const Verdict verdict = ingest_.check(*setup_, publish, failures);
  if (verdict.kind == Verdict::Kind::refused) {
    refuse(publish.reply, verdict.error);
    return Schedules::Sent::refused;
  }
  if (verdict.kind == Verdict::Kind::duplicate) {
    // The first one may still be under way; what was appended last is not safe before it.
    publish.extra = PubAckWriter::kDuplicate;
    wait(publish, {verdict.seq, last_ticket_, last_ticket_}, {});
    return Schedules::Sent::refused;
  }
  if (!has_room(publish)) {
    refuse(publish.reply, api_error(JsErr::insufficient_resources));
    return Schedules::Sent::later;
  }
  StoredPlace place{0, last_on(publish.subject), publish.ts_ns};
  const bool kept = is_kept(verdict, publish.subject);
  const auto appended = kept ? setup_->store->append(setup_->id, new_message(publish)) : skip();
  if (!appended) {
    if (appended.error().code == Errc::slow_consumer)
      too_many(publish.reply);
    else
      refuse(publish.reply, store_error(appended.error()));
    return appended.error().code == Errc::exhausted ? Schedules::Sent::refused
                                                    : Schedules::Sent::later;
  }
  store::Receipt receipt = appended.value();
  ingest_.stored(publish, failures);
  ingest_.counted(publish);
  if (!kept) {
    ingest_.skipped(publish, receipt.seq);
    publish.schedule.due.reset();
  }
  follow_up(publish, receipt);
  if (setup_->republish && kept) {
    place.seq = receipt.seq;
    wait_and_republish(publish, receipt, place);
  } else {
    wait(publish, receipt, {});
  }
  return Schedules::Sent::stored;
}

store::NewMessage Stream::new_message(const Publish& publish) const {
  store::NewMessage message;
  message.subject = publish.subject;
  message.headers = publish.headers;
  message.payload = publish.payload;
  message.ts_ns = publish.ts_ns;
  message.id = publish.id;
  message.expires_ns = publish.expires_ns;
  message.rollup = publish.rollup != Publish::Rollup::none;
  return message;
}

// What comes of a message that was appended.
void Stream::follow_up(const Publish& publish, store::Receipt& receipt) {
  if (publish.rollup != Publish::Rollup::none) {
    store::SubjectFilter filter;
    if (publish.rollup == Publish::Rollup::subject) filter.literal = publish.subject;
    if (const auto purged = setup_->store->purge(setup_->id, filter, receipt.seq, 0); purged)
      receipt.through = std::max(receipt.through, purged.value().ticket);
  }
  if (setup_->schedules != 0) mind_schedules(publish, receipt);
  last_ticket_ = receipt.through;
  if (setup_->config.max_age_ns > 0 || publish.expires_ns != 0) {
    expiry_.appended(*setup_, publish.ts_ns, publish.expires_ns);
    shard_.tend_at(expiry_.next_ns());
  }
  if (setup_->ack_when == AckWhen::at_once) shard_.changed();
}

bool Stream::is_kept(const Verdict& verdict, std::string_view subject) const {
  return verdict.kind == Verdict::Kind::store ||
         (verdict.kind == Verdict::Kind::skip && shard_.is_wanted(setup_->name(), subject));
}

// In what all streams together may take.
bool Stream::has_room(const Publish& publish) {
  const uint64_t bytes =
      store::counted_bytes(publish.subject.size(), publish.headers.size(), publish.payload.size());
  return setup_->quota->admits(bytes, shard_.clock().monotonic_ns());
}

// The message's sequence is used up.
Result<store::Receipt> Stream::skip() {
  const auto state = setup_->store->state(setup_->id);
  if (!state) return state.error();
  return setup_->store->skip(setup_->id, state.value().last_seq + 1);
}

// Only a republish wants to know.
uint64_t Stream::last_on(std::string_view subject) {
  if (!setup_->republish) return 0;
  const auto last = setup_->store->find_last(setup_->id, subject);
  return last ? last.value() : 0;
}

void Stream::mind_schedules(const Publish& publish, store::Receipt& receipt) {
  const ScheduleRequest& request = publish.schedule;
  if (request.due) {
    const int64_t at_ns = request.due->at_ns;
    receipt.through =
        std::max(receipt.through, schedules_.stored(*setup_, publish.subject, receipt.seq, at_ns));
    shard_.tend_at(schedules_wanted());
  } else if (!publish.asks.has(PublishHeader::scheduler)) {
    schedules_.replaced(*setup_, publish.subject);
  }
  if (request.purges.empty()) return;
  if (const auto purged = setup_->store->purge(setup_->id, {request.purges, {}}, receipt.seq, 0);
      purged)
    receipt.through = std::max(receipt.through, purged.value().ticket);
}

Schedules::Sent Stream::send(std::string_view subject, std::string_view headers,
                             std::string_view payload) {
  Publish publish;
  publish.by_stream = true;
  publish.subject = subject;
  publish.headers = headers;
  publish.payload = payload;
  publish.ts_ns = shard_.clock().wall_ns();
  return append(publish);
}

void Stream::look_again(int64_t at_ns) {
  expiry_.look_again(at_ns);
  if (setup_->schedules != 0)
    schedules_.look_again(shard_.clock().system_ns() + at_ns - shard_.clock().wall_ns());
}

int64_t Stream::tend(int64_t now_ns) {
  if (expiry_.next_ns() != 0 && expiry_.next_ns() <= now_ns)
    expiry_.run(*setup_, now_ns, [this](std::string_view subject, std::string_view headers) {
      return send(subject, headers, {}) == Schedules::Sent::stored;
    });
  for (const auto& gone : batches_.run_out(now_ns)) abandoned(gone.id, gone.reason);
  const int64_t next_ns = earlier(expiry_.next_ns(), batches_.next_ns());
  if (setup_->schedules == 0) return next_ns;
  const int64_t system_ns = shard_.clock().system_ns();
  if (schedules_.next_ns() != 0 && schedules_.next_ns() <= system_ns)
    schedules_.run(*setup_, system_ns, *this);
  return earlier(next_ns, schedules_wanted());
}

// When to look at schedules, of the shard's clock. The system's may be set meanwhile, so not too
// far ahead.
int64_t Stream::schedules_wanted() {
  if (schedules_.next_ns() == 0) return 0;
  constexpr int64_t kAtLeastEveryNs = 10'000'000'000;
  const int64_t left_ns = schedules_.next_ns() - shard_.clock().system_ns();
  return shard_.clock().wall_ns() + std::clamp(left_ns, int64_t{0}, kAtLeastEveryNs);
}

void Stream::wait_and_republish(const Publish& publish, const store::Receipt& receipt,
                                const StoredPlace& place) {
  AckTexts texts;
  std::string target, headers;
  if (setup_->republish->apply(publish.subject, target, random_)) {
    const bool headers_only = setup_->config.republish->headers_only;
    headers = republish_headers(setup_->name(), publish.subject, publish.headers,
                                publish.payload.size(), headers_only, place);
    texts.subject = target;
    texts.headers = headers;
    if (!headers_only) texts.payload = publish.payload;
  }
  wait(publish, receipt, texts);
}

// Answers, and publishes again, when `receipt` is safe.
void Stream::wait(const Publish& publish, const store::Receipt& receipt, AckTexts texts) {
  texts.reply = publish.reply;
  texts.extra = publish.extra;
  if (texts.reply.empty() && texts.subject.empty()) return;
  PendingAck ack;
  ack.stream = this;
  ack.seq = receipt.seq;
  ack.ticket = receipt.ticket;
  ack.through = receipt.through;
  ack.bytes = publish.headers.size() + publish.payload.size() + publish.subject.size();
  pending_bytes_ += ack.bytes;
  ++pending_;
  if (setup_->ack_when == AckWhen::at_once) return stored(ack, texts);
  shard_.wait(setup_->ack_when, ack, texts);
}

void Stream::stored(const PendingAck& ack, const AckTexts& texts) {
  --pending_;
  pending_bytes_ -= ack.bytes;
  if (!texts.subject.empty() && shard_.host() != nullptr)
    shard_.host()->publish({texts.subject, {}, texts.headers, texts.payload});
  answer(texts.reply, acks_.success(ack.seq, texts.extra));
}

void Stream::failed(const PendingAck& ack, const AckTexts& texts, const Error& error) {
  --pending_;
  pending_bytes_ -= ack.bytes;
  refuse(texts.reply, store_error(error));
}

void Stream::answer(std::string_view reply, std::string_view ack) {
  if (reply.empty() || shard_.host() == nullptr) return;
  shard_.host()->publish({reply, {}, {}, ack});
}

void Stream::refuse(std::string_view reply, const ApiError& error) {
  answer(reply, acks_.error(error));
}

void Stream::too_many(std::string_view reply) {
  if (reply.empty() || shard_.host() == nullptr) return;
  shard_.host()->publish({reply,
                          {},
                          "NATS/1.0 429 Too Many Requests\r\n\r\n",
                          acks_.error(api_error(JsErr::too_many_requests))});
}

ApiError store_error(const Error& error) {
  if (error.sys_errno == 0) return api_error(JsErr::store_failed, error.text);
  std::string text = std::strerror(error.sys_errno);
  text[0] = static_cast<char>(text[0] | 0x20);
  return api_error(JsErr::store_failed, text);
}

}  // namespace pipit::js
