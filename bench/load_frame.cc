#include "bench/load_frame.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "bench/load_report.h"

namespace pipit::load {
namespace {

constexpr uint8_t kFin = 0x80, kCompressed = 0x40, kMasked = 0x80;
constexpr std::string_view kFlushTail("\x00\x00\xff\xff", 4);  // RFC 7692 7.2.1 leaves it out

// zlib wants bytes that are not const.
Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

std::string compress(std::string_view text) {
  z_stream stream{};
  if (deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("deflateInit2");
  std::string out(deflateBound(&stream, text.size()) + 16, '\0');
  stream.next_in = bytes_of(text);
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = bytes_of(out);
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out - kFlushTail.size());
  deflateEnd(&stream);
  return out;
}

// One state for the process: making one costs more than a message.
class Inflater {
 public:
  Inflater() {
    if (inflateInit2(&stream_, -15) != Z_OK) fail("inflateInit2");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;

  void run(std::string& message, const std::function<void(std::string_view)>& sink) {
    message += kFlushTail;
    inflateReset(&stream_);
    stream_.next_in = bytes_of(message);
    stream_.avail_in = static_cast<uInt>(message.size());
    int result = Z_OK;
    do {
      stream_.next_out = bytes_of({piece_, sizeof piece_});
      stream_.avail_out = sizeof piece_;
      result = inflate(&stream_, Z_SYNC_FLUSH);
      if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        fail("the server's compressed message does not inflate");
      sink({piece_, sizeof piece_ - stream_.avail_out});
    } while (result == Z_OK && (stream_.avail_in > 0 || stream_.avail_out == 0));
  }

 private:
  z_stream stream_{};
  char piece_[64 * 1024];
};

void mask(char* data, size_t size, uint32_t key) {
  const uint64_t pair = (uint64_t{key} << 32) | key;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    std::memcpy(&word, data + i, 8);
    word ^= pair;
    std::memcpy(data + i, &word, 8);
  }
  char last[4];
  std::memcpy(last, &key, 4);
  for (; i < size; ++i) data[i] = static_cast<char>(data[i] ^ last[i & 3]);
}

// xorshift32: the server must see a different mask in every frame, nobody has to be kept guessing.
uint32_t next_mask() {
  static uint32_t state = 2463534242u;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

size_t header_bytes(uint8_t second) {
  const uint8_t length = second & 0x7f;
  return length == 126 ? 4 : length == 127 ? 10 : 2;
}

}  // namespace

void append_frame(std::string& out, std::string_view payload, bool deflate, uint8_t opcode) {
  std::string compressed;
  if (deflate) payload = compressed = compress(payload);
  out += static_cast<char>(kFin | (deflate ? kCompressed : 0) | opcode);
  const uint64_t size = payload.size();
  int extra = 0;
  if (size < 126) {
    out += static_cast<char>(kMasked | size);
  } else {
    extra = size < 65536 ? 2 : 8;
    out += static_cast<char>(kMasked | (extra == 2 ? 126 : 127));
  }
  for (int i = extra - 1; i >= 0; --i) out += static_cast<char>(size >> (8 * i));
  const uint32_t key = next_mask();
  out.append(reinterpret_cast<const char*>(&key), 4);
  const size_t start = out.size();
  out += payload;
  mask(out.data() + start, payload.size(), key);
}

bool FrameReader::read_header(std::string_view& bytes) {
  while (!bytes.empty()) {
    header_[header_size_++] = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (header_size_ < 2 || header_size_ < header_bytes(header_[1])) continue;
    if (header_[1] & kMasked) fail("the server masked a frame");
    opcode_ = header_[0] & 0x0f;
    final_ = (header_[0] & kFin) != 0;
    if (opcode_ == 1 || opcode_ == kBinary) compressed_message_ = (header_[0] & kCompressed) != 0;
    left_ = header_size_ == 2 ? header_[1] & 0x7f : 0;
    for (size_t i = 2; i < header_size_; ++i) left_ = left_ << 8 | header_[i];
    header_size_ = 0;
    return true;
  }
  return false;
}

void FrameReader::end_frame() {
  in_payload_ = false;
  if (opcode_ >= kClose) {
    const std::string whole = std::exchange(control_, {});
    on_control(opcode_, whole);
  } else if (compressed_message_ && final_) {
    static Inflater inflater;
    inflater.run(held_, on_data);
    held_.clear();
  }
}

void FrameReader::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!in_payload_) {
      if (!read_header(bytes)) return;
      in_payload_ = true;
    }
    const std::string_view piece = bytes.substr(0, std::min<uint64_t>(left_, bytes.size()));
    bytes.remove_prefix(piece.size());
    left_ -= piece.size();
    if (opcode_ >= kClose)
      control_ += piece;
    else if (compressed_message_)
      held_ += piece;
    else if (!piece.empty())
      on_data(piece);
    if (left_ == 0) end_frame();
  }
}

}  // namespace pipit::load
