// WsReader: the incoming half of a WebSocket: frames to plain bytes in the handler's own buffer.
//
// In place: what was read lies in the handler's span, and payloads move to its front. Compressed
// bytes do not fit there, so what is left of the read moves out first (detach()) and the handler is
// asked for more spans.
//
// I1  In place, filled_ never passes in_: a payload is shorter than what carried it.
// I2  The handler runs in flush() only. Whoever calls that looks at going() next.
// I3  Idle between messages it owns nothing: no wslay, no inflater, no backlog.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "transport/byte_stream.h"
#include "transport/ws_frame.h"
#include "transport/ws_scratch.h"
#include "transport/ws_slow_lane.h"
#include "transport/ws_writer.h"

namespace pipit::net {

class WsReader final : private WsSlowLane::Target {
 public:
  struct Rules {
    bool fast_lane = true;
    bool compression = false;
    bool no_masking = false;
    size_t max_message = SIZE_MAX;  // of one inflated message
  };
  // How it ended, and the close frame's payload that says so.
  struct End {
    uint16_t code;
    std::string why, goodbye;
  };

  WsReader(WsWriter& writer, WsScratch::Impl& scratch) : writer_(writer), scratch_(scratch) {}
  void open(StreamHandler* handler, const Rules& rules);

  std::span<std::byte> alloc();
  void read(size_t n);
  // Goes on with what a pause left over.
  void resume();
  void set_paused(bool paused) { paused_ = paused; }
  // No callback any more.
  void stop() { stopped_ = true; }
  bool running() const { return running_; }
  // There is something to resume with.
  bool unfinished() const { return !backlog_.empty() || more_output_ || lane_ == Lane::tail; }
  const std::optional<End>& end() const { return end_; }

 private:
  enum class Lane : uint8_t { head, plain, inflate, tail, slow, control };

  bool going() const { return !paused_ && !stopped_ && !end_; }
  size_t available() const { return static_cast<size_t>(in_end_ - in_); }
  void run();
  void step();
  void flush();
  void detach();
  void fail(uint16_t code, std::string why);

  void read_head();
  void begin_frame(const uint8_t* bytes);
  void begin_slow(const uint8_t* bytes);
  void plain();
  void slow();
  void control();
  void feed(std::span<const uint8_t> bytes);
  void judge();
  std::string close_fault() const;
  void end_slow_frame();

  void begin_inflating();
  void inflate_payload();
  void inflate_tail();
  enum class Pause : uint8_t { honoured, ignored };
  size_t inflate(std::span<const uint8_t> bytes, Pause pause);

  void on_slow_data(std::span<const uint8_t> bytes) override;
  bool enough() const override { return !going(); }

  WsWriter& writer_;
  WsScratch::Impl& scratch_;
  StreamHandler* handler_ = nullptr;
  Rules rules_;

  const uint8_t* in_ = nullptr;  // the read, or what detach() or a pause made of it
  const uint8_t* in_end_ = nullptr;
  std::span<std::byte> span_;  // the handler's, empty if it was not asked
  size_t filled_ = 0;          // of it
  std::string input_;          // what in_ points into when not in place
  std::string backlog_;        // what a pause left over

  WsHead head_;  // of this frame; its key as the next byte needs it
  uint64_t left_ = 0;
  uint8_t carry_[kWsMaxHead];  // of a head that is not complete
  uint8_t carry_size_ = 0;
  uint8_t tail_at_ = 0;  // of kDeflateTail
  Lane lane_ = Lane::head;
  bool in_place_ = false, running_ = false, paused_ = false, stopped_ = false;
  bool in_message_ = false;   // of fragments
  bool compressed_ = false;   // this message
  bool more_output_ = false;  // the inflater has not given everything yet
  size_t inflated_ = 0;       // of this message
  std::unique_ptr<WsInflater> inflater_;
  std::unique_ptr<WsSlowLane> slow_;
  std::string control_;  // the control frame being gathered
  std::optional<End> end_;
};

}  // namespace pipit::net
