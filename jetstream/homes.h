// Homes: the reactors as the worker of the API sees them: it has something done on one of them and
// waits until it is. Any thread.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "jetstream/host.h"
#include "jetstream/shard.h"

namespace pipit::js {

class Homes {
 public:
  using Post = std::function<bool(std::function<void()>)>;

  // Shards outlive this. Before the reactors run.
  void add(Shard& shard, Post post) { homes_.push_back({&shard, std::move(post)}); }
  // Where a stream of this name lives, at every start of a server with as many reactors.
  size_t of(std::string_view name) const;
  Shard& shard(size_t home) const { return *homes_[home].shard; }
  size_t count() const { return homes_.size(); }

  // False: the reactor has closed, `fn` does not run.
  bool post(size_t home, std::function<void()> fn) const {
    return homes_[home].post(std::move(fn));
  }
  // Runs `fn` there and waits for it. False: it did not run, or the server stops and nobody knows.
  // What it refers to must live on if this returns early. [not a reactor's thread, once those run]
  bool run(size_t home, std::function<void(Shard&)> fn);
  // From now on run() waits for its reactor; before, it calls at once.
  void running() { running_ = true; }
  // Nobody waits any more.
  void stop();

 private:
  struct Each {
    Shard* shard;
    Post post;
  };
  // Of one run(); what was posted may outlive whoever waits for it.
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool stopped = false;
  };

  std::vector<Each> homes_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::atomic<bool> running_{false};
};

}  // namespace pipit::js
