#include "jetstream/direct_reader.h"

namespace pipit::js {

bool DirectReader::push(size_t home, std::string_view reply, std::unique_ptr<DirectRead> read,
                        size_t weight) {
  const std::lock_guard lock(mutex_);
  if (gets_ >= kGetsMax || (weight_ > 0 && weight_ + weight > kWeightMax)) return false;
  ++gets_;
  weight_ += weight;
  queue_.push_back(std::make_shared<Get>(Get{home, std::string(reply), std::move(read), weight}));
  wake_.notify_one();
  return true;
}

void DirectReader::start() {
  thread_ = std::thread([this] { run(); });
}

void DirectReader::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (stop_) return;
    const Gets gets = std::exchange(queue_, {});
    lock.unlock();
    read(gets);
    lock.lock();
  }
}

void DirectReader::read(const Gets& gets) {
  constexpr size_t kTogether = 256 * 1024;
  Delivery delivery;
  for (const auto& get : gets) {
    if (stop_) return;
    if (get->home != delivery.home) deliver(delivery);
    delivery.home = get->home;
    Delivery::Piece& piece = delivery.pieces.emplace_back();
    piece.get = get;
    piece.more = get->read->read(piece.answers);
    for (const DirectAnswer& answer : piece.answers)
      delivery.bytes += answer.headers.size() + answer.payload.size();
    if (delivery.bytes >= kTogether) deliver(delivery);
  }
  deliver(delivery);
}

void DirectReader::deliver(Delivery& delivery) {
  if (delivery.pieces.empty()) return;
  const auto posted = std::make_shared<Delivery>(std::exchange(delivery, {}));
  const bool open = homes_.post(posted->home, [this, posted] {
    if (Host* const host = homes_.shard(posted->home).host())
      for (const Delivery::Piece& piece : posted->pieces)
        for (const DirectAnswer& answer : piece.answers)
          host->publish({piece.get->reply, {}, answer.headers, answer.payload});
    go_on(*posted);
  });
  finish(*posted, !open);
}

// On the reactor.
void DirectReader::go_on(const Delivery& delivery) {
  const std::lock_guard lock(mutex_);
  for (const Delivery::Piece& piece : delivery.pieces)
    if (piece.more) queue_.push_back(piece.get);
  if (!queue_.empty()) wake_.notify_one();
}

void DirectReader::finish(const Delivery& delivery, bool all) {
  const std::lock_guard lock(mutex_);
  for (const Delivery::Piece& piece : delivery.pieces) {
    if (piece.more && !all) continue;
    --gets_;
    weight_ -= piece.get->weight;
  }
}

void DirectReader::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    queue_.clear();
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace pipit::js
