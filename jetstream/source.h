// Source: one of the streams that another one gathers messages from. They get new sequences and
// times, and a header that says where from, by which it also knows, after a restart, where to go
// on.
#pragma once
#include "jetstream/follower.h"

namespace pipit::js {

class Source final : public Follower {
 public:
  // Requires: `source` is one of the stream's.
  Source(FollowerWorld& world, const SetupRef& stream, const StreamSource& source)
      : Follower(world, stream, source), key_(source_key(source)) {}

 private:
  uint64_t begin(const StreamSetup& origin, const store::StreamState& state) override;
  void adapt(store::StoredMessage& message) override;
  CopyOutcome hand_over(Stream& stream, const Copies& copies) const override;
  void at_rest(uint64_t next, uint64_t lag) override;
  uint64_t copied_through() const;
  bool keeps_notes() const;

  const std::string key_;
  uint64_t noted_ = 0;  // up to where in the stream
};

}  // namespace pipit::js
