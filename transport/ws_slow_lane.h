// WsSlowLane: wslay, the authority on the protocol, for the frames that it is asked about.
//
// It is fed exactly the bytes of whole frames, one after the other, and says what is data, what has
// to be answered, and whether all that was right. About 9 KiB: it lives from an unusual frame to the
// end of its message.
#pragma once
#include <wslay/wslay.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace pipit::net {

class WsSlowLane {
 public:
  class Target {
   public:
    // Unmasked payload of data frames.
    virtual void on_slow_data(std::span<const uint8_t> bytes) = 0;
    // Asked now and then inside feed(): give back what was not looked at yet.
    virtual bool enough() const = 0;

   protected:
    ~Target() = default;
  };
  enum class Verdict : uint8_t { fine, closed, wrong };

  WsSlowLane(Target& target, bool compression);
  ~WsSlowLane();
  WsSlowLane(const WsSlowLane&) = delete;

  // Returns how many bytes were used: all, unless the target had enough or the verdict is bad.
  size_t feed(std::span<const uint8_t> bytes, bool control);
  Verdict verdict() const { return verdict_; }
  // closed: the peer's code, 1005 if it gave none. wrong: ours.
  uint16_t code() const { return code_; }
  // Frames that wslay wants sent: pongs; the answer to the peer's close frame.
  std::string& answers() { return answers_; }

 private:
  static WsSlowLane& self(void* user_data) { return *static_cast<WsSlowLane*>(user_data); }
  static ssize_t receive(wslay_event_context_ptr, uint8_t* bytes, size_t size, int, void* user_data);
  static ssize_t send(wslay_event_context_ptr, const uint8_t* bytes, size_t size, int,
                      void* user_data);
  static void chunk(wslay_event_context_ptr, const wslay_event_on_frame_recv_chunk_arg* arg,
                    void* user_data);

  Target& target_;
  wslay_event_context_ptr context_ = nullptr;
  std::span<const uint8_t> input_;
  std::string answers_;
  uint16_t code_ = 0;
  Verdict verdict_ = Verdict::fine;
  bool control_ = false;  // what is fed is a control frame
};

}  // namespace pipit::net
