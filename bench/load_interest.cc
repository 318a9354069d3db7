// Many subscriptions of one connection, a quarter each literal, `a.b.c.*`, `a.b.c.>` and `a.*.c.d`;
// then messages to random ones of them, each of which exactly one subscription takes.
#include <algorithm>
#include <memory>
#include <random>

#include "bench/load_meter.h"
#include "bench/load_publisher.h"
#include "bench/load_run.h"

namespace pipit::load {
namespace {

constexpr uint32_t kHot = 65'536;  // subjects published to: more than a small match cache holds
constexpr uint32_t kSecondLevel = 1'000;  // subscriptions that share their first two tokens

std::string subject_of(uint32_t i) {
  return "load." + std::to_string(i / kSecondLevel) + '.' + std::to_string(i) + ".x";
}

std::string pattern_of(uint32_t i) {
  const std::string number = std::to_string(i);
  const std::string start = "load." + std::to_string(i / kSecondLevel) + '.' + number;
  switch (i % 4) {
    case 0: return start + ".x";
    case 1: return start + ".*";
    case 2: return start + ".>";
    default: return "load.*." + number + ".x";
  }
}

class InterestPeer : public MessagePeer {
 public:
  using MessagePeer::MessagePeer;

  void expect(std::vector<std::string> sids) { sids_ = std::move(sids); }
  uint64_t messages() const { return messages_; }
  uint64_t errors() const { return errors_; }

 private:
  void on_message(std::string_view, std::string_view sid, std::string_view,
                  std::string_view) override {
    if (sid != sids_[messages_ % sids_.size()]) ++errors_;
    ++messages_;
  }

  std::vector<std::string> sids_;  // go round
  uint64_t messages_ = 0, errors_ = 0;
};

// Publishes for that long, then waits for the rest. False if some never came.
bool publish_for(Loop& loop, Publisher& publisher, const InterestPeer& peer, uint64_t window,
                 double seconds) {
  const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
  publisher.go_on();
  uint64_t received = peer.messages(), moved = now_ns();
  bool stopping = false;
  for (;;) {
    const uint64_t now = now_ns();
    if (!stopping && now >= end) {
      publisher.stop();
      stopping = true;
    }
    if (publisher.stopped() && peer.messages() >= publisher.messages()) return true;
    const bool open = publisher.messages() <= peer.messages() + window;
    loop.turn(open && publisher.push() ? 0 : 10);
    if (peer.messages() != received) {
      received = peer.messages();
      moved = now;
    } else if (now - moved > kStallNs) {
      return false;
    }
  }
}

}  // namespace

bool run_interest(const Plan& plan, const Target& target, double seconds, Report& report) {
  Loop loop;
  InterestPeer peer(loop, target, plan);
  peer.fence();
  const uint64_t resident = resident_bytes(target.pid);
  const Sample start = take_sample(target.pid);
  std::string text;
  for (uint32_t i = 0; i < plan.count; ++i) {
    text += "SUB " + pattern_of(i) + ' ' + std::to_string(i + 1) + "\r\n";
  }
  peer.say(text);
  text = {};
  peer.fence();
  const Sample subscribed = take_sample(target.pid);
  const uint64_t grown = resident_bytes(target.pid) - resident;

  std::vector<uint32_t> picks(kHot);
  std::vector<std::string> sids(kHot);
  std::mt19937 random(1);
  for (uint32_t i = 0; i < kHot; ++i) {
    picks[i] = random() % plan.count;
    sids[i] = std::to_string(picks[i] + 1);
  }
  const Image image(plan, kHot, [&](uint32_t number) {
    return publish_line(subject_of(picks[number % kHot]), "", plan.payload_bytes) +
           stamped_payload(plan.payload_bytes, {number, 0}) + "\r\n";
  });
  peer.expect(std::move(sids));
  const uint64_t window = plan.window_bytes * image.messages / image.bytes.size();
  Publisher publisher(loop, target, plan, image);
  bool whole = publish_for(loop, publisher, peer, window, seconds * kWarmShare);
  const uint64_t before = peer.messages();
  const Sample from = take_sample(target.pid);
  whole = whole && publish_for(loop, publisher, peer, window, seconds);
  const Sample to = take_sample(target.pid);
  report_rate(report, from, to, peer.messages() - before);
  const auto count = static_cast<double>(plan.count);
  report.set("subscribe_cpu_per_million",
             static_cast<double>(subscribed.server_cpu_ns - start.server_cpu_ns) / 1e3 / count);
  report.set("resident_bytes_each", static_cast<double>(grown) / count);
  report.set("lost",
             static_cast<double>(publisher.messages()) - static_cast<double>(peer.messages()));
  report.set("order_errors", static_cast<double>(peer.errors()));
  return whole && peer.errors() == 0;
}

}  // namespace pipit::load
