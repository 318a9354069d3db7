// Delivery: from a publish to everybody who wants it. The heart; read it after subject_trie.h.
//
// One a reactor. Matches in the reactor's cache, hands the message to local subscribers at once,
// and sends one mail item to each other reactor that has some, however many. A queue group gets the
// message at one random member; if that one cannot take it, the next in circular order is tried,
// wherever it lives.
#pragma once
#include "server/mailbox.h"
#include "protocol/message.h"
#include "server/router/match_cache.h"
#include "transport/slab.h"

namespace pipit {

class Endpoint;
class Reactor;

class Delivery {
 public:
  // A message on its way.
  struct Parcel {
    const proto::Message& message;
    const net::SlabRef& slab;  // holds its bytes
    const Origin& origin;
    RequestPiece& request;  // what goes to another reactor takes it along,
    bool several = false;   // or a piece of it, as there are others
  };

  explicit Delivery(Reactor& reactor);

  // `slab` holds the bytes that `message` points to.
  void publish(Endpoint& publisher, const proto::Message& message, const net::SlabRef& slab);
  // What another reactor has sent.
  void handle(MailItem& item);

  // Does anybody want this subject, on whatever reactor? Not inside publish() or handle().
  bool has_interest(std::string_view subject) { return !cache_.find(subject)->empty(); }

  // Inside publish() or handle(): neither may be called now. Only the log is called from there.
  bool busy() const { return busy_; }

  router::CacheStats cache_stats() const { return cache_.stats(); }

 private:
  void dispatch(MailItem& item);
  bool to_plain(const router::MatchResult& match, const router::ReactorSlice& slice,
                const Parcel& parcel);
  bool to_group(const router::MatchResult& match, uint32_t group, uint32_t member, uint32_t tries,
                const Parcel& parcel);
  bool to_one(const router::SubRef& ref, const Parcel& parcel);
  void hold_back(const Origin& origin);
  void found_nobody(const Parcel& parcel);
  void answer_no_responders(Endpoint& publisher, const proto::Message& message);

  Reactor& reactor_;
  router::MatchCache cache_;
  bool busy_ = false;
};

}  // namespace pipit
