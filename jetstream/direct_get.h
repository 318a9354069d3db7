// Direct get (ADR-31): messages of a stream as themselves, not in JSON. One, a batch of consecutive
// ones, or the last of many subjects; where each comes from stands in headers added to it. What is
// asked wrongly is answered with a status.
//
// Inlets take requests on the stream's reactor; the Reader's thread executes them, because a
// message may have to come from the disk.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "jetstream/host.h"
#include "jetstream/stream_setup.h"

namespace pipit::js {

class Shard;

struct DirectGetRequest {
  SetupRef stream;
  size_t home = 0;  // whose reactor answers
  std::string reply, headers, body;
  std::string subject;  // of the form that names it in the request's own subject; else empty
};

// One message of an answer, kept.
struct DirectGetReply {
  std::string headers, payload;
};
// Calls `send` for each message that answers the request, in order. Any thread that may wait.
void direct_get(const DirectGetRequest& request, const std::function<void(DirectGetReply&&)>& send);

// The thread that executes them.
class Reader {
 public:
  using Answers = std::vector<std::pair<std::string, DirectGetReply>>;  // with their reply subjects
  // `publish` brings answers to a reactor. `limit`: requests that wait; more are dropped.
  Reader(size_t limit, std::function<void(size_t home, Answers&&)> publish);
  ~Reader() { stop(); }

  // [any thread] False: too many wait, it was dropped.
  bool push(DirectGetRequest request);
  void start();
  void stop();  // idempotent; what waits is dropped

 private:
  void run();
  void execute(const std::deque<DirectGetRequest>& requests);

  const size_t limit_;
  const std::function<void(size_t, Answers&&)> publish_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<DirectGetRequest> queue_;
  bool stop_ = false;
  std::thread thread_;
};

// Takes the requests of one stream. On its reactor; owned by the Stream.
class DirectGetInlet final : public Receiver {
 public:
  DirectGetInlet(Shard& shard, const SetupRef& stream) : shard_(shard), stream_(stream) {}
  bool receive(const HostMessage& message) override;

  // The subjects that it is to receive: of a stream of that name, by that prefix of the API.
  static std::string subject(std::string_view prefix, const std::string& stream);

 private:
  Shard& shard_;
  const SetupRef& stream_;  // the stream's own, which an update replaces
};

}  // namespace pipit::js
