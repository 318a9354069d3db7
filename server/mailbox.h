// Mailbox: what other reactors have for this one, and what this one has for them.
//
// One SpscRing per ordered pair of reactors, owned by the receiver. send() stages; publish() shows
// everything staged and wakes only receivers that sleep: one wake per target per loop turn (and one
// more for each half of a ring that the turn fills). What a full ring does not take waits in the
// sender's own FIFO, in order; the sender then pauses the connections that fill it (congested()) until
// the receiver, which has made room, wakes it. Nothing is dropped and nobody blocks.
//
// I1  A receiver that finds its rings empty sets sleeping_ (seq_cst), then looks at every ring once
//     more (seq_cst); a sender publishes its tail (seq_cst), then looks at sleeping_ (seq_cst). In
//     the one order of seq_cst at least one of them sees the other, so no wake is lost.
// I2  The same for room: a sender that sleeps with a FIFO sets sleeping_, then looks for room in that
//     ring; a receiver makes room, then looks whether it is awaited (SpscRing I4) and at sleeping_.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "protocol/message.h"
#include "server/request_piece.h"
#include "server/router/match_result.h"
#include "transport/slab.h"
#include "transport/spsc_ring.h"

namespace pipit {

// Which connection published: for echo, and to hold it back.
struct Origin {
  uint64_t cid = 0;
  uint32_t slot = 0;
  uint16_t reactor = 0;
};

struct MailItem {
  enum class Kind : uint8_t {
    none,
    plain,
    queue,
    stall,   // to the publisher: a subscriber is far behind
    nobody,  // to the publisher: its request, which found nobody anywhere
  };

  proto::Message message;        // views into `slab`
  net::SlabRef slab;      // of the message
  router::MatchRef match; // plain, queue
  Origin origin;
  uint32_t slice = 0;     // plain: index into match->slices
  uint32_t group = 0;     // queue: index into match->groups
  uint32_t member = 0;    // queue: whom to try
  uint32_t tries = 0;     // queue: members that were tried before
  Kind kind = Kind::none;
  RequestPiece
      request;  // plain, queue: comes back as `nobody` if it is the last and nobody took any
};

class Mailbox {
 public:
  static constexpr uint32_t kMaxReactors = 64;

  // `wake` interrupts this reactor's sleep; called by any thread. `ring_capacity`: items per pair, a
  // power of two; 0: what suits so many reactors.
  Mailbox(uint16_t self, uint32_t reactors, std::function<void()> wake, uint32_t ring_capacity = 0);
  // All mailboxes, by reactor. Before any thread runs.
  void connect(std::vector<Mailbox*> all) { all_ = std::move(all); }

  // [this reactor] To another one. Never fails.
  void send(uint16_t target, MailItem&& item);
  void publish();
  // A ring was full: what is sent now waits in a FIFO.
  bool congested() const { return spilled_ > 0; }

  // [this reactor] Takes every item that was there at the call; `handle` may send().
  void drain(const std::function<void(MailItem&)>& handle);
  // [this reactor] False: there is mail, or room for what waits; do not sleep.
  bool prepare_sleep();
  // Acquire is not needed: what was published meanwhile is found by drain().
  void woke() { sleeping_.store(false, std::memory_order_relaxed); }

  // [any thread] Interrupts its sleep.
  void wake() { wake_(); }

  // [any thread] Runs `task` on this reactor, soon. For control, not for messages. False: closed,
  // and `task` is destroyed.
  bool post(std::function<void()> task);
  void run_posted();  // [this reactor]
  // [this reactor] Runs what was posted, then takes no more. Idempotent.
  void close();

 private:
  net::SpscRing<MailItem>& ring_to(uint32_t target) { return *all_[target]->rings_[self_]; }
  bool fill_from_spill(uint32_t target);
  void show(uint32_t target);
  void wake_if_asleep();  // [any thread]

  const uint16_t self_;
  const uint32_t capacity_;
  const std::function<void()> wake_;
  std::vector<std::unique_ptr<net::SpscRing<MailItem>>> rings_;  // by sender
  std::vector<Mailbox*> all_;
  std::vector<std::deque<MailItem>> spill_;  // by target
  size_t spilled_ = 0;
  uint64_t staged_ = 0;  // bit per target
  alignas(net::kCacheLine) std::atomic<bool> sleeping_{false};
  std::atomic<bool> posted_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  bool closed_ = false;
};

}  // namespace pipit
