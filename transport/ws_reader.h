// WsReader: the incoming half of a WebSocket: frames to plain bytes in the handler's own buffer.
//
// In place: what was read lies in the handler's span, and payloads move to its front. What compressed
// bytes become does not fit there, so what is left of the read moves out first (detach()) and the
// handler is asked for more spans.
//
// I1  In place, filled_ never passes in_: a payload is shorter than what carried it.
// I2  The handler runs in flush() only. Whoever calls that looks at going() next.
// I3  Between reads it owns no wslay: what that has to know of a message is told again. Between
//     messages it owns nothing, unless the handler has paused it.
// I4  An inflater takes 40 KiB. A peer that is not trusted yet gets one only while its message is
//     being read; what is not complete is held as it came, up to untrusted_max.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

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
    size_t untrusted_max = 4096;
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
  void trust() { trusted_ = true; }
  // No callback any more.
  void stop() { stopped_ = true; }
  bool running() const { return running_; }
  // There is something to resume with.
  bool unfinished() const { return !backlog_.empty() || lane_ == Lane::unpack; }
  const std::optional<End>& end() const { return end_; }

 private:
  enum class Lane : uint8_t { head, plain, packed, slow, control, unpack };

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
  void packed();
  void slow();
  void control();
  void end_frame();

  void feed(std::span<const uint8_t> bytes);
  void revive_slow_lane();
  void judge();
  std::string close_fault() const;

  size_t packed_room();
  void unpack_when_due();
  void unpack();
  void inflate();
  void end_packed_message();

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
  Lane lane_ = Lane::head;
  Lane after_unpack_ = Lane::head;
  bool in_place_ = false, running_ = false, paused_ = false, stopped_ = false, trusted_ = false;
  bool in_message_ = false;    // of fragments
  bool compressed_ = false;    // this message
  bool message_over_ = false;  // all of it is in packed_ or inflated
  std::vector<uint8_t> packed_;  // of a compressed message: unmasked, not inflated yet
  size_t packed_at_ = 0;         // of packed_, by the inflater
  size_t inflated_ = 0;          // of this message
  std::unique_ptr<WsInflater> inflater_;
  std::unique_ptr<WsSlowLane> slow_;
  std::string control_;  // the control frame being gathered
  std::optional<End> end_;
};

}  // namespace pipit::net
