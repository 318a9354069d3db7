// Stream: one stream on its home reactor. Takes what is published to its subjects, has it checked
// (ingest.h), hands it to the store and answers when the store says that it is safe.
//
// Its messages and its state are the store's; here is only what a publish needs. Owned by its
// Shard.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/ack_queue.h"
#include "jetstream/api_errors.h"
#include "jetstream/atomic_batches.h"
#include "jetstream/copies.h"
#include "jetstream/direct_get.h"
#include "jetstream/expiry.h"
#include "jetstream/host.h"
#include "jetstream/ingest.h"
#include "jetstream/pub_ack.h"
#include "jetstream/republish.h"
#include "jetstream/schedules.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class Shard;

class Stream final : public Receiver, private Schedules::Sink {
 public:
  Stream(Shard& shard, SetupRef setup);
  ~Stream() override;

  // Listens to the subjects of its configuration. False: one was refused, none is listened to.
  bool open();
  void update(SetupRef setup);
  void close();

  bool receive(const HostMessage& message) override;

  // [Followers, on the reactor] Messages of its origin, of one of its sources.
  CopyOutcome mirror(const Copies& copies);
  CopyOutcome source(const Copies& copies);
  // It may answer direct gets for its origin from now on, if its configuration says so.
  void is_near_origin();

  // [Shard] What became of a publish that waited.
  void stored(const PendingAck& ack, const AckTexts& texts);
  void failed(const PendingAck& ack, const AckTexts& texts, const Error& error);

  // [Shard] Does what is due by now; when it wants to be asked again, of the shard's clock. 0: when
  // something else happens.
  int64_t tend(int64_t now_ns);
  // [Shard] The store took back what was under way: all that was planned is looked at again.
  void look_again(int64_t at_ns);

  const StreamSetup& setup() const { return *setup_; }
  // A mirror says by what other name it answers direct gets.
  DirectGet& direct() { return direct_; }
  // Publishes that were not answered yet, and what they weigh.
  uint64_t pending() const { return pending_; }

 private:
  // One subscription.
  struct Ear {
    std::string subject;
    Receiver* receiver = nullptr;
    Host::Subscription subscription = 0;
  };

  std::vector<Ear> wanted();
  void listen(std::vector<Ear> wanted);
  void answer(std::string_view reply, std::string_view ack);
  void refuse(std::string_view reply, const ApiError& error);
  void too_many(std::string_view reply);
  Schedules::Sent append(Publish& publish);
  void mind_schedules(const Publish& publish, store::Receipt& receipt);
  // For the stream's own messages.
  Schedules::Sent send(std::string_view subject, std::string_view headers,
                       std::string_view payload) override;
  int64_t schedules_wanted();
  // A message of a source, on its way into the store with others (stream_copies.cc).
  struct Grouped {
    static constexpr uint64_t kInGroup = uint64_t{1} << 63;
    const Publish* publish;
    size_t through;  // how much of the batch is done with it
    bool kept;
    uint64_t last_on_subject;  // a sequence, or kInGroup and which one of the group
  };
  uint64_t last_before(const std::vector<Grouped>& group);
  void append_group(std::vector<Grouped>& group, uint64_t failures, CopyOutcome& outcome);
  void answer_for_origin();
  bool has_room(const Publish& publish);
  bool is_kept(const Verdict& verdict, std::string_view subject) const;
  store::NewMessage new_message(const Publish& publish) const;
  void follow_up(const Publish& publish, store::Receipt& receipt);
  Result<store::Receipt> skip();
  uint64_t last_on(std::string_view subject);
  void wait_and_republish(const Publish& publish, const store::Receipt& receipt,
                          const StoredPlace& place);
  void wait(const Publish& publish, const store::Receipt& receipt, AckTexts texts);
  void plan(int64_t at_ns);
  // stream_batch.cc. False: it is of no batch.
  bool take_batch(const Publish& publish);
  void commit(const Publish& last, std::string_view id,
              const std::vector<AtomicBatches::Message>& messages);
  std::vector<uint64_t> lasts_of(const std::vector<Publish>& batch, uint64_t last_seq);
  void abandoned(std::string_view id, std::string_view reason);

  Shard& shard_;
  SetupRef setup_;
  PubAckWriter acks_;
  Ingest ingest_;
  Expiry expiry_;
  Schedules schedules_;
  AtomicBatches batches_;
  DirectGet direct_;
  std::vector<Ear> ears_;
  uint64_t pending_ = 0, pending_bytes_ = 0;
  bool near_origin_ = false;              // of a mirror
  store::Ticket last_ticket_ = 0;         // of the latest append
  uint64_t random_ = 0x9e3779b97f4a7c15;  // of {{random(n)}}
};

// What a publisher is told of a store that could not: nats-server's texts are Go's.
ApiError store_error(const Error& error);

}  // namespace pipit::js
