// A closed loop of requests: `outstanding` of them are open at any time, each answered with the
// bytes that it brought.
#include <cstring>
#include <memory>

#include "bench/load_meter.h"
#include "bench/load_publisher.h"
#include "bench/load_run.h"

namespace pipit::load {
namespace {

constexpr std::string_view kSubject = "load.request";
constexpr std::string_view kInbox = "_INBOX.mL8qTz4RcW2nYk6HsVd0pB.";

class Responder : public MessagePeer {
 public:
  Responder(Loop& loop, const Target& target, const Plan& plan) : MessagePeer(loop, target, plan) {
    say("SUB " + std::string(kSubject) + " 1\r\n");
    fence();
  }

 private:
  void on_message(std::string_view, std::string_view, std::string_view reply,
                  std::string_view payload) override {
    answer_ = publish_line(reply, "", payload.size());
    answer_.append(payload).append("\r\n");
    say(answer_);
  }

  std::string answer_;
};

class Requester : public MessagePeer {
 public:
  Requester(Loop& loop, const Target& target, const Plan& plan)
      : MessagePeer(loop, target, plan), asked_(plan.outstanding) {
    for (uint32_t slot = 0; slot < plan.outstanding; ++slot)
      lines_.push_back(
          publish_line(kSubject, std::string(kInbox) + std::to_string(slot), plan.payload_bytes));
    payload_ = stamped_payload(plan.payload_bytes, {0, 0});
    say("SUB " + std::string(kInbox) + "* 1\r\n");
    fence();
  }

  void start() {
    open_ = true;
    for (uint32_t slot = 0; slot < asked_.size(); ++slot) ask(slot);
  }
  void stop() { open_ = false; }
  size_t pending() const { return pending_; }
  uint64_t answered() const { return answered_; }
  uint64_t errors() const { return errors_; }
  std::vector<uint64_t>& latencies() { return latencies_; }

 private:
  struct Asked {
    uint64_t at_ns = 0;
    uint32_t number = 0;
    bool open = false;
  };

  void ask(uint32_t slot) {
    if (!open_) return;
    asked_[slot] = {now_ns(), ++number_, true};
    ++pending_;
    const Stamp stamp{number_, slot};
    std::memcpy(payload_.data(), &stamp, sizeof stamp);
    say(lines_[slot]);
    say(payload_);
    say("\r\n");
  }

  void on_message(std::string_view subject, std::string_view, std::string_view,
                  std::string_view payload) override {
    Stamp stamp{};
    if (payload.size() == payload_.size()) std::memcpy(&stamp, payload.data(), sizeof stamp);
    const uint32_t slot = stamp.publisher;
    if (slot >= asked_.size() || !asked_[slot].open || asked_[slot].number != stamp.number ||
        subject.substr(kInbox.size()) != std::to_string(slot)) {
      ++errors_;
      return;
    }
    asked_[slot].open = false;
    --pending_;
    ++answered_;
    latencies_.push_back(now_ns() - asked_[slot].at_ns);
    ask(slot);
  }

  std::vector<std::string> lines_;
  std::string payload_;
  std::vector<Asked> asked_;
  std::vector<uint64_t> latencies_;
  uint64_t answered_ = 0, errors_ = 0;
  uint32_t number_ = 0;
  size_t pending_ = 0;
  bool open_ = false;
};

// False if it came to a stand.
bool run_for(Loop& loop, Requester& requester, double seconds) {
  const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
  requester.start();
  uint64_t answered = requester.answered(), moved = now_ns();
  while (requester.pending() > 0) {
    loop.turn(100);
    const uint64_t now = now_ns();
    if (now >= end) requester.stop();
    if (requester.answered() != answered) {
      answered = requester.answered();
      moved = now;
    } else if (now - moved > kStallNs) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool run_requests(const Plan& plan, const Target& target, double seconds, Report& report) {
  Loop loop;
  Responder responder(loop, target, plan);
  Requester requester(loop, target, plan);
  bool whole = run_for(loop, requester, seconds * kWarmShare);
  requester.latencies().clear();
  const uint64_t before = requester.answered();
  const Sample from = take_sample(target.pid);
  whole = whole && run_for(loop, requester, seconds);
  const Sample to = take_sample(target.pid);
  report_rate(report, from, to, requester.answered() - before);
  report.set("p50_us", quantile_us(requester.latencies(), 0.5));
  report.set("p99_us", quantile_us(requester.latencies(), 0.99));
  report.set("lost", static_cast<double>(requester.pending()));
  report.set("order_errors", static_cast<double>(requester.errors()));
  return whole && requester.errors() == 0;
}

}  // namespace pipit::load
