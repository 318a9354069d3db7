// SkippedIds: ids of messages that were not stored because nobody was interested; duplicates of
// them are told nevertheless. As on nats-server they do not outlive the process. One thread.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pipit::js {

class SkippedIds {
 public:
  // The sequence of an id not older than that; 0: none.
  uint64_t find(std::string_view id, int64_t since_ns) {
    while (!order_.empty() && order_.front().ts_ns < since_ns) forget_oldest();
    const auto found = seqs_.find(std::string(id));
    return found == seqs_.end() ? 0 : found->second;
  }
  void add(std::string_view id, uint64_t seq, int64_t ts_ns) {
    if (order_.size() >= kMost) forget_oldest();
    if (seqs_.insert_or_assign(std::string(id), seq).second)
      order_.push_back({std::string(id), ts_ns});
  }

 private:
  static constexpr size_t kMost = 100'000;

  struct Each {
    std::string id;
    int64_t ts_ns;
  };
  void forget_oldest() {
    seqs_.erase(order_.front().id);
    order_.pop_front();
  }

  std::deque<Each> order_;
  std::unordered_map<std::string, uint64_t> seqs_;
};

}  // namespace pipit::js
