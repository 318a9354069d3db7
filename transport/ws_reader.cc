#include "transport/ws_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pipit::net {
namespace {

// Compressed bytes are unmasked in pieces of this size.
constexpr size_t kPiece = 4096;

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
const std::byte* as_std_bytes(const uint8_t* bytes) {
  return reinterpret_cast<const std::byte*>(bytes);
}

}  // namespace

void WsReader::open(StreamHandler* handler, const Rules& rules) {
  handler_ = handler;
  rules_ = rules;
}

std::span<std::byte> WsReader::alloc() {
  span_ = handler_->on_alloc();
  filled_ = 0;
  return span_;
}

void WsReader::read(size_t n) {
  in_ = reinterpret_cast<const uint8_t*>(span_.data());
  in_end_ = in_ + n;
  in_place_ = true;
  run();
}

void WsReader::resume() {
  if (running_ || !going()) return;
  input_ = std::exchange(backlog_, {});
  in_ = bytes_of(input_).data();
  in_end_ = in_ + input_.size();
  in_place_ = false;
  run();
}

void WsReader::run() {
  running_ = true;
  while (going() && (in_ != in_end_ || more_output_ || lane_ == Lane::tail)) step();
  // After an end nothing that follows counts.
  if (!stopped_ && !end_) backlog_.assign(reinterpret_cast<const char*>(in_), available());
  if (!span_.empty()) flush();
  if (!in_place_) scratch_.give_input(std::exchange(input_, {}));
  in_ = in_end_ = nullptr;
  if (!in_message_ && lane_ == Lane::head) slow_.reset();
  running_ = false;
}

void WsReader::step() {
  switch (lane_) {
    case Lane::head: return read_head();
    case Lane::plain: return plain();
    case Lane::inflate: return inflate_payload();
    case Lane::tail: return inflate_tail();
    case Lane::slow: return slow();
    case Lane::control: return control();
  }
}

void WsReader::flush() {
  span_ = {};
  handler_->on_read(std::exchange(filled_, 0));
}

// What is left of the read moves out of the handler's span, which is given back.
void WsReader::detach() {
  if (!in_place_) return;
  in_place_ = false;
  input_ = scratch_.take_input();
  input_.assign(reinterpret_cast<const char*>(in_), available());
  in_ = bytes_of(input_).data();
  in_end_ = in_ + input_.size();
  flush();
}

void WsReader::fail(uint16_t code, std::string why) {
  if (end_) return;
  std::string goodbye = ws_close_payload(code, why);
  end_ = End{code, std::move(why), std::move(goodbye)};
}

void WsReader::read_head() {
  if (carry_size_ == 0 && available() >= kWsMaxHead) {
    const uint8_t* bytes = in_;
    in_ += ws_head_size(bytes);
    return begin_frame(bytes);
  }
  size_t whole = carry_size_ < 2 ? 2 : ws_head_size(carry_);
  for (;;) {
    size_t count = std::min(whole - carry_size_, available());
    std::memcpy(carry_ + carry_size_, in_, count);
    carry_size_ = static_cast<uint8_t>(carry_size_ + count);
    in_ += count;
    if (carry_size_ < whole) return;
    if (whole == ws_head_size(carry_)) break;
    whole = ws_head_size(carry_);
  }
  carry_size_ = 0;
  begin_frame(carry_);
}

void WsReader::begin_frame(const uint8_t* bytes) {
  head_ = parse_ws_head(bytes);
  left_ = head_.length;
  const uint8_t kind = head_.first & static_cast<uint8_t>(~(rules_.compression ? kWsRsv1 : 0));
  bool usual = (kind == (kWsFin | kWsBinary) || kind == (kWsFin | kWsText)) && !in_message_ &&
               (head_.masked || rules_.no_masking) && head_.length_valid();
  if (!usual || !rules_.fast_lane) return begin_slow(bytes);
  if (head_.rsv1()) {
    lane_ = left_ > 0 ? Lane::inflate : Lane::tail;
    begin_inflating();
    return;
  }
  if (left_ == 0) return;
  lane_ = Lane::plain;
  plain();
}

void WsReader::plain() {
  size_t count = static_cast<size_t>(std::min<uint64_t>(left_, available()));
  if (!in_place_) {
    if (span_.empty()) alloc();
    count = std::min(count, span_.size() - filled_);
  }
  head_.key = ws_unmask(span_.data() + filled_, as_std_bytes(in_), count, head_.key);
  in_ += count;
  left_ -= count;
  filled_ += count;
  if (left_ == 0) lane_ = Lane::head;
  if (!in_place_ && filled_ == span_.size()) flush();
}

void WsReader::begin_slow(const uint8_t* bytes) {
  uint8_t copy[kWsMaxHead];
  std::memcpy(copy, bytes, head_.size);
  size_t size = head_.size;
  // Text is bytes here, in whatever encoding; wslay would insist on UTF-8.
  if (head_.opcode() == kWsText) copy[0] = static_cast<uint8_t>(copy[0] + (kWsBinary - kWsText));
  if (!head_.masked && rules_.no_masking) {
    copy[1] |= kWsMask;
    std::memset(copy + size, 0, 4);
    size += 4;
  }
  if (head_.control() && head_.fin() && head_.length <= kWsMaxControlPayload) {
    control_.assign(reinterpret_cast<const char*>(copy), size);
    lane_ = Lane::control;
    if (left_ == 0) control();
    return;
  }
  if (!in_message_) {
    compressed_ = head_.rsv1() && rules_.compression;
    if (compressed_) begin_inflating();
  }
  lane_ = Lane::slow;
  feed({copy, size});
  if (left_ == 0 && !end_) end_slow_frame();
}

void WsReader::slow() {
  if (compressed_) {
    detach();
    if (!going()) return;
  }
  size_t count = static_cast<size_t>(std::min<uint64_t>(left_, available()));
  size_t used = slow_->feed({in_, count}, false);
  in_ += used;
  left_ -= used;
  judge();
  if (left_ == 0 && !end_) end_slow_frame();
}

// A control frame is shown to wslay whole: its check of a close frame's UTF-8 counts on that.
void WsReader::control() {
  size_t count = static_cast<size_t>(std::min<uint64_t>(left_, available()));
  control_.append(reinterpret_cast<const char*>(in_), count);
  in_ += count;
  left_ -= count;
  if (left_ > 0) return;
  lane_ = Lane::head;
  feed(bytes_of(control_));
  control_ = std::string();
}

void WsReader::feed(std::span<const uint8_t> bytes) {
  if (!slow_) {
    WsSlowLane::Target& target = *this;
    slow_ = std::make_unique<WsSlowLane>(target, rules_.compression);
  }
  slow_->feed(bytes, head_.control());
  judge();
}

// Does what wslay says.
void WsReader::judge() {
  std::string& answers = slow_->answers();
  switch (slow_->verdict()) {
    case WsSlowLane::Verdict::fine:
      if (answers.empty()) return;
      writer_.control(answers);
      answers.clear();
      return;
    case WsSlowLane::Verdict::closed:
      // wslay takes half a code for none.
      if (head_.length == 1) return fail(1002, "close frame payload cannot be 1 byte");
      end_ = End{slow_->code(), {}, answers.substr(2)};
      if (end_->goodbye.size() > 2) end_->why = end_->goodbye.substr(2);
      return;
    case WsSlowLane::Verdict::wrong: {
      WsContext context{in_message_, rules_.compression, rules_.no_masking};
      std::string why = ws_head_fault(head_, context);
      if (why.empty()) why = close_fault();
      return fail(slow_->code(), std::move(why));
    }
  }
}

// Of a close frame whose head is right.
std::string WsReader::close_fault() const {
  if (slow_->code() == 1007) return "invalid utf8 body in close frame";
  std::span<const uint8_t> frame = bytes_of(control_);
  if (head_.opcode() != kWsClose || head_.length < 2 || frame.size() < 8) return "protocol error";
  int high = frame[6] ^ frame[2], low = frame[7] ^ frame[3];
  return "invalid close status code " + std::to_string(high << 8 | low);
}

void WsReader::end_slow_frame() {
  lane_ = Lane::head;
  in_message_ = !head_.fin();
  if (head_.fin() && compressed_) {
    compressed_ = false;
    lane_ = Lane::tail;
  }
}

void WsReader::begin_inflating() {
  inflater_ = scratch_.take_inflater();
  inflated_ = 0;
  tail_at_ = 0;
}

void WsReader::inflate_payload() {
  detach();
  if (!going()) return;
  size_t count = static_cast<size_t>(std::min<uint64_t>({left_, available(), kPiece}));
  uint8_t piece[kPiece];
  ws_unmask(reinterpret_cast<std::byte*>(piece), as_std_bytes(in_), count, head_.key);
  size_t used = inflate({piece, count}, Pause::honoured);
  head_.key = ws_rotate_key(head_.key, used);
  in_ += used;
  left_ -= used;
  if (left_ == 0 && !more_output_) lane_ = Lane::tail;
}

void WsReader::inflate_tail() {
  detach();
  if (!going()) return;
  if (inflater_->untouched()) {  // not a byte of deflate: an empty message, though not RFC 7692's form
    lane_ = Lane::head;
    scratch_.give(std::move(inflater_));
    return;
  }
  std::span<const uint8_t> tail = kDeflateTail;
  tail_at_ = static_cast<uint8_t>(tail_at_ + inflate(tail.subspan(tail_at_), Pause::honoured));
  if (tail_at_ < tail.size() || more_output_ || end_) return;
  lane_ = Lane::head;
  if (!inflater_->ended()) return fail(1007, "compressed message is cut off");
  scratch_.give(std::move(inflater_));
}

size_t WsReader::inflate(std::span<const uint8_t> bytes, Pause pause) {
  size_t used = 0;
  do {
    if (span_.empty()) alloc();
    // One byte more than allowed, into nowhere, tells whether there is more.
    std::byte spare;
    size_t allowed = rules_.max_message - inflated_;
    std::span<std::byte> room = span_.subspan(filled_);
    if (allowed == 0)
      room = {&spare, 1};
    else
      room = room.first(std::min(room.size(), allowed));
    WsInflater::Step step = inflater_->run(bytes.subspan(used), room);
    used += step.consumed;
    if (allowed == 0 && step.produced > 0) {
      fail(1009, "compressed message too big");
      break;
    }
    inflated_ += step.produced;
    filled_ += step.produced;
    more_output_ = step.produced == room.size() && !inflater_->ended();
    const bool stuck = step.consumed == 0 && step.produced == 0 && used < bytes.size();
    if (step.corrupt || stuck) fail(1007, "invalid compressed data");
    if (filled_ == span_.size()) flush();
  } while (!end_ && !stopped_ && (!paused_ || pause == Pause::ignored) &&
           (used < bytes.size() || more_output_));
  if (end_ || stopped_) more_output_ = false;
  return used;
}

void WsReader::on_slow_data(std::span<const uint8_t> bytes) {
  if (compressed_) {
    inflate(bytes, Pause::ignored);
    return;
  }
  while (!bytes.empty() && !stopped_) {
    if (span_.empty()) alloc();
    size_t count = std::min(bytes.size(), span_.size() - filled_);
    std::memcpy(span_.data() + filled_, bytes.data(), count);
    filled_ += count;
    bytes = bytes.subspan(count);
    if (!in_place_ && filled_ == span_.size()) flush();
  }
}

}  // namespace pipit::net
