#include "jetstream/homes.h"

namespace pipit::js {

size_t Homes::of(std::string_view name) const {
  uint32_t hash = 2166136261u;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash % homes_.size();
}

bool Homes::run(size_t home, std::function<void(Shard&)> fn) {
  Shard* const shard = homes_[home].shard;
  if (!running_) {
    fn(*shard);
    return true;
  }
  const auto done = std::make_shared<bool>(false);
  const bool posted = post(home, [shard, fn = std::move(fn), gate = gate_, done] {
    fn(*shard);
    const std::lock_guard lock(gate->mutex);
    *done = true;
    gate->changed.notify_all();
  });
  if (!posted) return false;
  std::unique_lock lock(gate_->mutex);
  gate_->changed.wait(lock, [&] { return *done || gate_->stopped; });
  return *done;
}

void Homes::stop() {
  const std::lock_guard lock(gate_->mutex);
  gate_->stopped = true;
  gate_->changed.notify_all();
}

}  // namespace pipit::js
