// DirectReader: the thread that reads for direct gets what may have to wait for the disk. In each
// turn it reads one piece for each get that waits; the next piece is read when the stream's reactor
// has published this one, so that large gets take turns and hold little memory.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "jetstream/direct_read.h"
#include "jetstream/homes.h"

namespace pipit::js {

class DirectReader {
 public:
  explicit DirectReader(Homes& homes) : homes_(homes) {}
  ~DirectReader() { stop(); }

  // [home reactor] Answers to `reply`, on the reactor of this index. `weight`: bytes of the
  // request. False: too many are under way.
  bool push(size_t home, std::string_view reply, std::unique_ptr<DirectRead> read, size_t weight);
  void start();
  // The piece at hand is finished, all others are dropped. Idempotent. [not the thread itself]
  void stop();

 private:
  struct Get {
    size_t home = 0;
    std::string reply;
    std::unique_ptr<DirectRead> read;
    size_t weight = 0;
  };
  static constexpr size_t kGetsMax = 4096, kWeightMax = size_t{8} << 20;

  using Gets = std::deque<std::shared_ptr<Get>>;
  // What goes to a reactor together.
  struct Delivery {
    struct Piece {
      std::shared_ptr<Get> get;
      std::vector<DirectAnswer> answers;
      bool more = false;
    };
    size_t home = 0, bytes = 0;
    std::vector<Piece> pieces;
  };

  void run();
  void read(const Gets& gets);
  void deliver(Delivery& delivery);
  void go_on(const Delivery& delivery);
  void finish(const Delivery& delivery, bool all);

  Homes& homes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  Gets queue_;
  size_t gets_ = 0, weight_ = 0;  // also of those whose piece is on its way to the reactor
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace pipit::js
