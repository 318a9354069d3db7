// Followers: all mirrors and sources of a server, and the thread on which they work, "js-follow".
// It sleeps until some store has something new or a stream comes or goes; then each follower gets
// its turn, a batch at a time.
#pragma once
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "jetstream/follower.h"
#include "protocol/json_writer.h"

namespace pipit::js {

class Followers {
 public:
  // What it refers to outlives it.
  explicit Followers(FollowerWorld world);
  ~Followers() { stop(); }

  // [any thread] The stream as it is from now on; wake() starts its followers. Those that are no
  // longer asked for end, though a batch of theirs may still arrive at the reactor, which knows
  // whether it wants it.
  void set(const SetupRef& stream);
  void drop(const StreamSetup& stream);
  // [any thread] Something may be new.
  void wake();
  // [store thread]
  Progress& progress() { return progress_; }

  // [any thread] Is anybody interested in this message of `stream`?
  bool wants(std::string_view stream, std::string_view subject) const;
  // [any thread] "mirror" and "sources" of a StreamInfo.
  void write(proto::JsonWriter& json, const StreamSetup& stream) const;

  void start();
  void stop();  // idempotent

 private:
  using Shared = std::shared_ptr<Follower>;
  void run();
  std::vector<Shared> all() const;
  void release(const std::vector<Shared>& followers);

  FollowerWorld world_;
  Progress progress_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<Shared>, std::less<>> streams_;  // those that have any
  std::map<std::string, uint64_t> released_;  // origins that keep only what is needed: up to where
  bool wake_ = false, stop_ = false;
  std::thread thread_;
};

}  // namespace pipit::js
