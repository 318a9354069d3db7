// DirectGet: what a stream answers to $JS.API.DIRECT.GET.<stream>, and with a subject behind it:
// raw messages, by whoever has them. Subscribed as a queue group, so that a mirror may answer for
// its origin. One for each stream, on its home reactor. ADR-31.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "jetstream/api_types.h"
#include "jetstream/host.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class Shard;

class DirectGet final : public Receiver {
 public:
  explicit DirectGet(Shard& shard) : shard_(shard) {}

  // Answers as this setup says: if it has allow_direct, by its own name. Null: not at all.
  void follow(SetupRef setup);
  // A mirror is near enough to its origin, which has direct gets: it answers by that name, too.
  // Empty: it does not, or no more.
  void answer_for(std::string_view origin);

  bool receive(const HostMessage& message) override;

 private:
  void listen();
  bool answer_now(std::string_view reply, const MessageGetRequest& request);
  void refuse(std::string_view reply, std::string_view status);

  Shard& shard_;
  SetupRef setup_;
  std::string origin_;
  std::vector<std::pair<std::string, Host::Subscription>> subscriptions_;
};

}  // namespace pipit::js
