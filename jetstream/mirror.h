// Mirror: a stream that is a copy of another one: same sequences, times, subjects and headers.
// What the origin does not have (any more) is a gap here, too. It keeps to limits of its own.
#pragma once
#include "jetstream/follower.h"

namespace pipit::js {

class Mirror final : public Follower {
 public:
  Mirror(FollowerWorld& world, const SetupRef& stream)
      : Follower(world, stream, *stream->config.mirror) {}

 private:
  uint64_t begin(const StreamSetup& origin, const store::StreamState& state) override;
  void adapt(store::StoredMessage& message) override;
  CopyOutcome hand_over(Stream& stream, const Copies& copies) const override;
  void prepare(Copies& copies) override;
  void taken(const CopyOutcome& outcome) override;
  void at_rest(uint64_t next, uint64_t lag) override;

  uint64_t last_seq_ = 0;  // its own
  uint64_t skip_to_ = 0;   // in front of where it began; 0: done
  bool is_near_ = false;   // to its origin, and the stream knows
};

// Where reading begins if `wanted` is asked for: inside of what the origin has, or right behind.
uint64_t clamped_start(const store::StreamState& origin, uint64_t wanted);
// ... and where its configuration says to begin with an origin.
uint64_t configured_start(const StreamSource& source, const StreamSetup& origin,
                          const store::StreamState& state);

}  // namespace pipit::js
