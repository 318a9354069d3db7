// RequestPiece: a request that asks for a 503 where nobody listens may go to several reactors at a
// time. Each item on its way is a piece of it; the last one to end knows whether anybody took it.
//
// Any thread, one at a time each; pieces of one request meet only in the shared count.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

namespace pipit {

class RequestPiece {
 public:
  RequestPiece() = default;  // of nothing that asks
  // All of a request; it may be split().
  static RequestPiece whole() { return RequestPiece(true, nullptr); }
  RequestPiece(RequestPiece&& other) noexcept
      : asks_(std::exchange(other.asks_, false)), count_(std::exchange(other.count_, nullptr)) {}
  RequestPiece& operator=(RequestPiece&& other) noexcept {
    if (this == &other) return *this;
    end(false);
    asks_ = std::exchange(other.asks_, false);
    count_ = std::exchange(other.count_, nullptr);
    return *this;
  }
  ~RequestPiece() { end(false); }

  explicit operator bool() const { return asks_; }
  // Another piece; nothing of what asks for nothing.
  RequestPiece split() {
    if (!asks_) return {};
    if (count_ == nullptr) count_ = new Count;
    count_->pieces.fetch_add(1, std::memory_order_relaxed);
    return RequestPiece(true, count_);
  }
  // Ends this piece. True: it was the last one, and nobody took any.
  bool end(bool taken) {
    if (!std::exchange(asks_, false)) return false;
    Count* const count = std::exchange(count_, nullptr);
    if (count == nullptr) return !taken;
    if (taken) count->taken.store(true, std::memory_order_relaxed);
    // acq_rel: the last one sees what the others stored before they ended.
    if (count->pieces.fetch_sub(1, std::memory_order_acq_rel) != 1) return false;
    const bool nobody = !count->taken.load(std::memory_order_relaxed);
    delete count;
    return nobody;
  }

 private:
  struct Count {
    std::atomic<uint32_t> pieces{1};
    std::atomic<bool> taken{false};
  };
  RequestPiece(bool asks, Count* count) : asks_(asks), count_(count) {}

  bool asks_ = false;
  Count* count_ = nullptr;  // none while there is one piece
};

}  // namespace pipit
