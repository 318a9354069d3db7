// WebSocket as a client speaks it (RFC 6455, RFC 7692 without context takeover).
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace pipit::load {

inline constexpr uint8_t kBinary = 2, kClose = 8, kPing = 9, kPongFrame = 10;

// Appends one whole masked frame.
void append_frame(std::string& out, std::string_view payload, bool deflate,
                  uint8_t opcode = kBinary);

// Takes a server's bytes as they come. Data goes to on_data in pieces, inflated where the frame
// says so; control frames go to on_control whole.
class FrameReader {
 public:
  std::function<void(std::string_view)> on_data;
  std::function<void(uint8_t opcode, std::string_view)> on_control;

  void feed(std::string_view bytes);

 private:
  bool read_header(std::string_view& bytes);
  void end_frame();

  unsigned char header_[10] = {};
  size_t header_size_ = 0;
  bool in_payload_ = false;
  bool final_ = false;
  bool compressed_message_ = false;
  uint8_t opcode_ = 0;
  uint64_t left_ = 0;
  std::string held_;  // a control frame, or a compressed message until its end
  std::string control_;
};

}  // namespace pipit::load
