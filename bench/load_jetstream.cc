// JetStream: a closed loop of publishes that wait for their acknowledgement, of puts to a bucket of
// keys, or of direct gets from one. A stream is made for it; in the end it has to hold what was
// acknowledged.
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <optional>

#include "bench/load_meter.h"
#include "bench/load_publisher.h"
#include "bench/load_run.h"

namespace pipit::load {
namespace {

constexpr std::string_view kInbox = "_INBOX.mL8qTz4RcW2nYk6HsVd0pB.";
constexpr std::string_view kApi = "$JS.API.";

class StreamClient : public MessagePeer {
 public:
  StreamClient(Loop& loop, const Target& target, const Plan& plan)
      : MessagePeer(loop, target, plan), plan_(plan), asked_(plan.outstanding) {
    payload_ = stamped_payload(plan.payload_bytes, {0, 0});
    say("SUB " + std::string(kInbox) + "* 1\r\n");
    fence();
    std::string config = R"({"name":"LOAD","subjects":["load.js.>"],"allow_direct":true)";
    if (plan.keys > 0) config += R"(,"max_msgs_per_subject":1,"discard":"new")";
    api("STREAM.CREATE.LOAD", config + "}");
  }

  std::string api(std::string_view endpoint, std::string_view body) {
    answer_.clear();
    say(publish_line(std::string(kApi).append(endpoint), std::string(kInbox) + "api", body.size()));
    say(std::string(body) + "\r\n");
    for (const uint64_t since = now_ns(); answer_.empty();) {
      loop_.turn(100);
      if (now_ns() - since > kStallNs) fail("no answer from the JetStream API");
    }
    if (answer_.find("\"error\"") != std::string::npos) fail(answer_);
    return answer_;
  }

  // Each key once, so that gets find something.
  void fill() {
    reading_ = false;
    go_until([this] { return sent_ >= plan_.keys; });
    reading_ = true;
    sent_ = answered_ = 0;
    latencies_.clear();
  }
  bool run(double seconds) {
    const uint64_t end = now_ns() + static_cast<uint64_t>(seconds * 1e9);
    return go_until([end] { return now_ns() >= end; });
  }

  uint64_t answered() const { return answered_; }
  uint64_t errors() const { return errors_; }
  size_t pending() const { return pending_; }
  std::vector<uint64_t>& latencies() { return latencies_; }

 private:
  struct Asked {
    uint64_t at_ns = 0, number = 0;
    bool open = false;
  };

  // False if it came to a stand.
  template <class Done>
  bool go_until(Done done) {
    open_ = true;
    for (uint32_t slot = 0; slot < asked_.size() && !done(); ++slot) ask(slot);
    uint64_t answered = answered_, moved = now_ns();
    while (pending_ > 0) {
      if (done()) open_ = false;
      loop_.turn(100);
      if (answered_ != answered) {
        answered = answered_;
        moved = now_ns();
      } else if (now_ns() - moved > kStallNs) {
        return false;
      }
    }
    return true;
  }

  std::string subject_of(uint64_t number) const {
    constexpr uint64_t kStride = 611'953;  // a prime: every key in turn, neighbours far apart
    return "load.js." + std::to_string(plan_.keys > 0 ? number * kStride % plan_.keys : 0);
  }

  void ask(uint32_t slot) {
    if (!open_) return;
    asked_[slot] = {now_ns(), sent_++, true};
    ++pending_;
    const std::string subject = subject_of(asked_[slot].number);
    const std::string reply = std::string(kInbox) + std::to_string(slot);
    if (reading_) {
      say(publish_line(std::string(kApi) + "DIRECT.GET.LOAD." + subject, reply, 0));
    } else {
      say(publish_line(subject, reply, payload_.size()));
      say(payload_);
    }
    say("\r\n");
  }

  void on_message(std::string_view subject, std::string_view, std::string_view,
                  std::string_view payload) override {
    const std::string_view to = subject.substr(kInbox.size());
    if (to == "api") {
      answer_ = payload;
      return;
    }
    uint32_t slot = 0;
    std::from_chars(to.data(), to.data() + to.size(), slot);
    if (slot >= asked_.size() || !asked_[slot].open || !is_good(payload)) {
      ++errors_;
      if (errors_ == 1) fail("not what was asked for: " + std::string(payload.substr(0, 200)));
      return;
    }
    asked_[slot].open = false;
    --pending_;
    ++answered_;
    latencies_.push_back(now_ns() - asked_[slot].at_ns);
    ask(slot);
  }

  // An acknowledgement with the next sequence, as there is no other publisher; or the message.
  bool is_good(std::string_view payload) {
    if (reading_) return payload == payload_;
    constexpr std::string_view kSeq = "\"seq\":";
    const size_t at = payload.find(kSeq);
    uint64_t seq = 0;
    if (at != std::string_view::npos)
      std::from_chars(payload.data() + at + kSeq.size(), payload.data() + payload.size(), seq);
    return seq == ++last_seq_;
  }

  const Plan& plan_;
  std::string payload_, answer_;
  std::vector<Asked> asked_;
  std::vector<uint64_t> latencies_;
  uint64_t sent_ = 0, answered_ = 0, errors_ = 0, last_seq_ = 0;
  size_t pending_ = 0;
  bool open_ = false, reading_ = false;
};

// What an fdatasync of 4 KiB takes, written to blocks that the file already has, where programs
// keep what is temporary, as the server under test does here.
class SyncMeter {
 public:
  SyncMeter() {
    const char* const folder = std::getenv("TMPDIR");
    std::string name = std::string(folder != nullptr ? folder : "/tmp") + "/pipit_load.XXXXXX";
    fd_ = mkstemp(name.data());
    if (fd_ < 0) fail("mkstemp");
    unlink(name.c_str());
    measure();
    times_.clear();
  }
  ~SyncMeter() { close(fd_); }
  SyncMeter(const SyncMeter&) = delete;

  void measure() {
    const std::string block(kBlock, 'x');
    for (size_t i = 0; i < kTimes; ++i) {
      const uint64_t from = now_ns();
      if (pwrite(fd_, block.data(), kBlock, static_cast<off_t>(i * kBlock)) < 0 ||
          fdatasync(fd_) != 0)
        fail("fdatasync");
      times_.push_back(now_ns() - from);
    }
  }
  double median_us() { return quantile_us(times_, 0.5); }

 private:
  static constexpr size_t kBlock = 4096, kTimes = 100;
  int fd_ = -1;
  std::vector<uint64_t> times_;
};

}  // namespace

bool run_stream(const Plan& plan, const Target& target, double seconds, Report& report) {
  Loop loop;
  StreamClient client(loop, target, plan);
  if (plan.reads) client.fill();
  bool whole = client.run(seconds * kWarmShare);
  client.latencies().clear();
  // Half before and half after, as others may use the disk.
  std::optional<SyncMeter> sync;
  if (plan.outstanding == 1) sync.emplace().measure();
  const uint64_t before = client.answered();
  const Sample from = take_sample(target.pid);
  whole = whole && client.run(seconds);
  const Sample to = take_sample(target.pid);
  report_rate(report, from, to, client.answered() - before);
  const double p50 = quantile_us(client.latencies(), 0.5);
  report.set("p50_us", p50);
  report.set("p99_us", quantile_us(client.latencies(), 0.99));
  if (sync) {
    sync->measure();
    report.set("sync_us", sync->median_us());
    report.set("p50_over_sync_us", p50 - sync->median_us());
  }
  const uint64_t kept = plan.keys > 0 ? plan.keys : client.answered();
  const std::string wanted = "\"messages\":" + std::to_string(kept) + ",";
  const bool there = plan.reads || client.api("STREAM.INFO.LOAD", "").find(wanted) != wanted.npos;
  report.set("lost", static_cast<double>(client.pending() + (there ? 0 : 1)));
  report.set("order_errors", static_cast<double>(client.errors()));
  report.set("resident_bytes_peak", static_cast<double>(resident_bytes_peak(target.pid)));
  return whole && there && client.errors() == 0;
}

}  // namespace pipit::load
