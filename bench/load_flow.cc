// Publishers send as fast as the subscribers keep up: 1:1, fan-out, pairs, queue groups, or nobody.
//
// What is measured begins and ends with all sockets drained, so that no message is sent outside and
// paid inside of it.
#include <algorithm>
#include <memory>

#include "bench/load_meter.h"
#include "bench/load_publisher.h"
#include "bench/load_run.h"
#include "bench/load_subscriber.h"

namespace pipit::load {
namespace {

class Flow {
 public:
  Flow(const Plan& plan, const Target& target);

  void run(double seconds);
  // Stops the publishers and waits until all has arrived, or nothing has for a while.
  void drain();

  uint64_t sent() const;
  uint64_t received() const;
  uint64_t expected() const;
  uint64_t order_errors() const;

 private:
  bool push_all();
  bool window_open(const Publisher& publisher, size_t subject) const;
  void count();

  const Plan& plan_;
  Loop loop_;
  std::vector<std::unique_ptr<Image>> images_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  uint64_t window_ = 0;             // messages
  std::vector<uint64_t> received_;  // per subject, by the slowest of those who take all
  std::vector<uint64_t> sent_;      // per subject
};

Flow::Flow(const Plan& plan, const Target& target)
    : plan_(plan), received_(plan.subjects), sent_(plan.subjects) {
  const auto subject = [&](uint32_t i) { return "load.flow." + std::to_string(i % plan.subjects); };
  for (uint32_t i = 0; i < plan.publishers; ++i) {
    images_.push_back(std::make_unique<Image>(plan, 0, [&](uint32_t number) {
      return publish_line(subject(i), "", plan.payload_bytes) +
             stamped_payload(plan.payload_bytes, {number, i}) + "\r\n";
    }));
  }
  window_ = plan.window_bytes * images_[0]->messages / images_[0]->bytes.size();
  for (uint32_t i = 0; i < plan.subscribers; ++i)
    subscribers_.push_back(std::make_unique<Subscriber>(loop_, target, plan, i, subject(i),
                                                        images_[0]->messages));
  for (uint32_t i = 0; i < plan.publishers; ++i)
    publishers_.push_back(std::make_unique<Publisher>(loop_, target, plan, *images_[i]));
}

void Flow::count() {
  std::fill(sent_.begin(), sent_.end(), 0);
  std::fill(received_.begin(), received_.end(),
            plan_.queue_group ? 0 : std::numeric_limits<uint64_t>::max());
  for (size_t i = 0; i < publishers_.size(); ++i)
    sent_[i % plan_.subjects] += publishers_[i]->messages();
  for (size_t i = 0; i < subscribers_.size(); ++i) {
    uint64_t& received = received_[i % plan_.subjects];
    const uint64_t messages = subscribers_[i]->messages();
    received = plan_.queue_group ? received + messages : std::min(received, messages);
  }
}

bool Flow::push_all() {
  if (!subscribers_.empty()) count();
  bool any = false;
  for (size_t i = 0; i < publishers_.size(); ++i) {
    const size_t subject = i % plan_.subjects;
    const bool open = subscribers_.empty() || sent_[subject] <= received_[subject] + window_;
    if (open && publishers_[i]->push()) any = true;
  }
  return any;
}

void Flow::run(double seconds) {
  const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
  for (auto& publisher : publishers_) publisher->go_on();
  while (now_ns() < end) loop_.turn(push_all() ? 0 : 10);
}

void Flow::drain() {
  for (auto& publisher : publishers_) publisher->stop();
  uint64_t progress = 0, moved = now_ns();
  for (;;) {
    bool pushed = false, stopped = true;
    for (auto& publisher : publishers_) {
      pushed |= publisher->push();
      stopped &= publisher->stopped();
    }
    if (stopped && received() >= expected()) break;
    loop_.turn(pushed ? 0 : 10);
    if (const uint64_t now = sent() + received(); now != progress) {
      progress = now;
      moved = now_ns();
    } else if (now_ns() - moved > kStallNs) {
      return;
    }
  }
  // Without subscribers it is the PONG that says that all has been read. With them, what comes
  // before their PONG would be a message too many.
  for (auto& publisher : publishers_) publisher->fence();
  for (auto& subscriber : subscribers_) subscriber->fence();
}

uint64_t Flow::sent() const {
  uint64_t sum = 0;
  for (const auto& publisher : publishers_) sum += publisher->messages();
  return sum;
}

uint64_t Flow::received() const {
  uint64_t sum = 0;
  for (const auto& subscriber : subscribers_) sum += subscriber->messages();
  return sum;
}

uint64_t Flow::expected() const {
  if (plan_.queue_group) return sent();
  uint64_t sum = 0;
  for (size_t i = 0; i < subscribers_.size(); ++i)
    for (size_t k = i % plan_.subjects; k < publishers_.size(); k += plan_.subjects)
      sum += publishers_[k]->messages();
  return sum;
}

uint64_t Flow::order_errors() const {
  uint64_t sum = 0;
  for (const auto& subscriber : subscribers_) sum += subscriber->order_errors();
  return sum;
}

}  // namespace

bool run_flow(const Plan& plan, const Target& target, double seconds, Report& report) {
  Flow flow(plan, target);
  flow.run(seconds * kWarmShare);
  flow.drain();
  const bool delivers = plan.subscribers > 0;
  const uint64_t before = delivers ? flow.received() : flow.sent();
  const Sample from = take_sample(target.pid);
  flow.run(seconds);
  flow.drain();
  const Sample to = take_sample(target.pid);
  report_rate(report, from, to, (delivers ? flow.received() : flow.sent()) - before);
  const double lost = static_cast<double>(flow.expected()) - static_cast<double>(flow.received());
  report.set("lost", lost);
  report.set("order_errors", static_cast<double>(flow.order_errors()));
  report.set("resident_bytes_peak", static_cast<double>(resident_bytes_peak(target.pid)));
  return lost == 0 && flow.order_errors() == 0;
}

}  // namespace pipit::load
