#include "transport/ws_slow_lane.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace pipit::net {

WsSlowLane::WsSlowLane(Target& target, bool compression) : target_(target) {
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = &WsSlowLane::receive;
  callbacks.send_callback = &WsSlowLane::send;
  callbacks.on_frame_recv_chunk_callback = &WsSlowLane::chunk;
  if (wslay_event_context_server_init(&context_, &callbacks, this) != 0) std::abort();
  // Nothing of a message is kept; lengths are whatever 63 bits can say.
  wslay_event_config_set_no_buffering(context_, 1);
  wslay_event_config_set_max_recv_msg_length(context_, UINT64_MAX);
  if (compression) wslay_event_config_set_allowed_rsv_bits(context_, WSLAY_RSV1_BIT);
}

WsSlowLane::~WsSlowLane() { wslay_event_context_free(context_); }

size_t WsSlowLane::feed(std::span<const uint8_t> bytes, bool control) {
  if (verdict_ != Verdict::fine) return 0;
  input_ = bytes;
  control_ = control;
  int status = wslay_event_recv(context_);
  bool over = status != 0 || wslay_event_get_read_enabled(context_) == 0;
  // Takes what wslay has queued, so that its queue does not grow.
  wslay_event_send(context_);
  if (over && wslay_event_get_close_received(context_) != 0) {
    verdict_ = Verdict::closed;
    code_ = wslay_event_get_status_code_received(context_);
  } else if (over) {
    verdict_ = Verdict::wrong;
    code_ = wslay_event_get_status_code_sent(context_);
    if (code_ != WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA) code_ = WSLAY_CODE_PROTOCOL_ERROR;
    answers_.clear();  // wslay's close frame has no words
  }
  return bytes.size() - input_.size();
}

ssize_t WsSlowLane::receive(wslay_event_context_ptr context, uint8_t* bytes, size_t size, int,
                            void* user_data) {
  WsSlowLane& lane = self(user_data);
  size_t count = std::min(size, lane.input_.size());
  if (count == 0 || lane.target_.enough()) {
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
  }
  std::memcpy(bytes, lane.input_.data(), count);
  lane.input_ = lane.input_.subspan(count);
  return static_cast<ssize_t>(count);
}

ssize_t WsSlowLane::send(wslay_event_context_ptr, const uint8_t* bytes, size_t size, int,
                         void* user_data) {
  self(user_data).answers_.append(reinterpret_cast<const char*>(bytes), size);
  return static_cast<ssize_t>(size);
}

void WsSlowLane::chunk(wslay_event_context_ptr, const wslay_event_on_frame_recv_chunk_arg* arg,
                       void* user_data) {
  WsSlowLane& lane = self(user_data);
  if (!lane.control_ && arg->data_length > 0)
    lane.target_.on_slow_data({arg->data, arg->data_length});
}

}  // namespace pipit::net
