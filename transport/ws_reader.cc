#include "transport/ws_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pipit::net {
namespace {

// Of a peer that is trusted so many compressed bytes are inflated at a time.
constexpr size_t kPackedAtOnce = 4096;

uint8_t binary_for_text(uint8_t first) {
  return (first & 15) == kWsText ? static_cast<uint8_t>(first + (kWsBinary - kWsText)) : first;
}

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
  while (going() && (in_ != in_end_ || lane_ == Lane::unpack)) step();
  // After an end nothing that follows counts.
  if (!stopped_ && !end_) backlog_.assign(reinterpret_cast<const char*>(in_), available());
  if (!span_.empty()) flush();
  if (!in_place_) scratch_.give_input(std::exchange(input_, {}));
  in_ = in_end_ = nullptr;
  slow_.reset();
  if (packed_.empty()) scratch_.give_packed(std::exchange(packed_, {}));
  running_ = false;
}

void WsReader::step() {
  switch (lane_) {
    case Lane::head: return read_head();
    case Lane::plain: return plain();
    case Lane::packed: return packed();
    case Lane::slow: return slow();
    case Lane::control: return control();
    case Lane::unpack: return unpack();
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
  compressed_ = head_.rsv1();
  if (left_ == 0) return end_frame();
  if (compressed_) {
    lane_ = Lane::packed;
    return;
  }
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

void WsReader::packed() {
  const size_t count =
      static_cast<size_t>(std::min<uint64_t>({left_, available(), packed_room()}));
  const size_t before = packed_.size();
  packed_.resize(before + count);
  head_.key = ws_unmask(reinterpret_cast<std::byte*>(packed_.data() + before), as_std_bytes(in_),
                        count, head_.key);
  in_ += count;
  left_ -= count;
  if (left_ == 0) return end_frame();
  unpack_when_due();
}

void WsReader::begin_slow(const uint8_t* bytes) {
  uint8_t copy[kWsMaxHead];
  std::memcpy(copy, bytes, head_.size);
  size_t size = head_.size;
  // Text is bytes here, in whatever encoding; wslay would insist on UTF-8.
  copy[0] = binary_for_text(copy[0]);
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
  if (!in_message_) compressed_ = head_.rsv1() && rules_.compression;
  feed({copy, size});
  lane_ = Lane::slow;
  if (left_ == 0 && !end_) end_frame();
}

void WsReader::slow() {
  if (!slow_) revive_slow_lane();
  uint64_t count = std::min<uint64_t>(left_, available());
  if (compressed_) count = std::min<uint64_t>(count, packed_room());
  size_t used = slow_->feed({in_, static_cast<size_t>(count)}, false);
  head_.key = ws_rotate_key(head_.key, used);
  in_ += used;
  left_ -= used;
  judge();
  if (end_) return;
  if (left_ == 0) return end_frame();
  if (compressed_) unpack_when_due();
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

// Of any frame but control ones.
void WsReader::end_frame() {
  lane_ = Lane::head;
  in_message_ = !head_.fin();
  if (!compressed_) return;
  if (head_.fin()) {
    compressed_ = false;
    // Not a byte of deflate: an empty message, though not in RFC 7692's form.
    if (packed_.empty() && !inflater_) return;
    packed_.insert(packed_.end(), kDeflateTail.begin(), kDeflateTail.end());
    message_over_ = true;
  }
  unpack_when_due();
}

void WsReader::feed(std::span<const uint8_t> bytes) {
  if (!slow_) revive_slow_lane();
  slow_->feed(bytes, head_.control());
  judge();
}

// A new wslay, told that a message, or even a frame, has begun.
void WsReader::revive_slow_lane() {
  WsSlowLane::Target& target = *this;
  slow_ = std::make_unique<WsSlowLane>(target, rules_.compression);
  uint8_t head[kWsMaxHead] = {};
  if (in_message_) {
    head[0] = static_cast<uint8_t>(kWsBinary | (compressed_ ? kWsRsv1 : 0));
    head[1] = kWsMask;
    slow_->feed({head, 6}, false);
  }
  if (lane_ != Lane::slow) return;
  size_t size = write_ws_head(reinterpret_cast<char*>(head), binary_for_text(head_.first), left_);
  if (head_.masked || rules_.no_masking) {  // else wslay has its word on that still to say
    head[1] |= kWsMask;
    std::memcpy(head + size, &head_.key, 4);
    size += 4;
  }
  slow_->feed({head, size}, false);
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

// How many compressed bytes may be gathered until unpack_when_due() sees to them; at least 1.
size_t WsReader::packed_room() {
  const size_t most = trusted_ ? kPackedAtOnce : rules_.untrusted_max;
  if (packed_.capacity() == 0) {
    packed_ = scratch_.take_packed();
    packed_.reserve(kPackedAtOnce + kDeflateTail.size());
  }
  return std::max(most, packed_.size() + 1) - packed_.size();
}

// Looked at whenever packed_ has grown and lane_ is where reading goes on.
void WsReader::unpack_when_due() {
  if (packed_.empty()) return;
  if (!trusted_ && !message_over_ && packed_.size() < rules_.untrusted_max) return;
  after_unpack_ = lane_;
  lane_ = Lane::unpack;
}

void WsReader::unpack() {
  detach();
  if (!going()) return;
  inflate();
  if (!going()) return;
  if (!trusted_ && !message_over_) {
    // What came out may be the log-in.
    if (!span_.empty()) flush();
    if (!going()) return;
    if (!trusted_) return fail(1009, "compressed message too big before login");
  }
  packed_.clear();
  packed_at_ = 0;
  lane_ = after_unpack_;
  if (message_over_) end_packed_message();
}

// Inflates packed_, as far as the handler lets it.
void WsReader::inflate() {
  if (!inflater_) {
    inflater_ = scratch_.take_inflater();
    inflated_ = 0;
  }
  for (bool more = true; more && going();) {
    if (span_.empty()) alloc();
    // One byte more than allowed, into nowhere, tells whether there is more.
    std::byte spare;
    const size_t allowed = rules_.max_message - inflated_;
    std::span<std::byte> room = span_.subspan(filled_);
    if (allowed == 0)
      room = {&spare, 1};
    else
      room = room.first(std::min(room.size(), allowed));
    const WsInflater::Step step =
        inflater_->run(std::span<const uint8_t>(packed_).subspan(packed_at_), room);
    packed_at_ += step.consumed;
    if (allowed == 0 && step.produced > 0) return fail(1009, "compressed message too big");
    inflated_ += step.produced;
    filled_ += step.produced;
    const bool full = step.produced == room.size() && !inflater_->ended();
    more = full || packed_at_ < packed_.size();
    const bool stuck = step.consumed == 0 && step.produced == 0 && more;
    if (step.corrupt || stuck) fail(1007, "invalid compressed data");
    if (filled_ == span_.size()) flush();
  }
}

void WsReader::end_packed_message() {
  message_over_ = false;
  if (!inflater_->ended()) return fail(1007, "compressed message is cut off");
  scratch_.give(std::move(inflater_));
}

void WsReader::on_slow_data(std::span<const uint8_t> bytes) {
  if (compressed_) {
    packed_.insert(packed_.end(), bytes.begin(), bytes.end());
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
