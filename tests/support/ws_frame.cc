#include "tests/support/ws_frame.h"

#include <zlib.h>

namespace pipit::test {
namespace {

constexpr char kMask[4] = {'\x37', '\xfa', '\x21', '\x3d'};

void append_big_endian(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift));
}

uint64_t big_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (char byte : bytes) value = value << 8 | static_cast<uint8_t>(byte);
  return value;
}

}  // namespace

std::string WsFrame::bytes() const {
  std::string out;
  out.push_back(static_cast<char>((fin ? 0x80 : 0) | rsv << 4 | op));
  uint64_t size = length.value_or(payload.size());
  int mask_bit = masked ? 0x80 : 0;
  if (size < 126) {
    out.push_back(static_cast<char>(mask_bit | static_cast<int>(size)));
  } else if (size < 65536) {
    out.push_back(static_cast<char>(mask_bit | 126));
    append_big_endian(out, size, 2);
  } else {
    out.push_back(static_cast<char>(mask_bit | 127));
    append_big_endian(out, size, 8);
  }
  if (masked) out.append(kMask, 4);
  for (size_t i = 0; i < payload.size(); ++i)
    out.push_back(masked ? static_cast<char>(payload[i] ^ kMask[i % 4]) : payload[i]);
  return out;
}

std::optional<WsFrame> take_frame(std::string& bytes) {
  if (bytes.size() < 2) return std::nullopt;
  auto first = static_cast<uint8_t>(bytes[0]), second = static_cast<uint8_t>(bytes[1]);
  size_t head = 2;
  uint64_t size = second & 0x7f;
  if (size >= 126) {
    size_t width = size == 126 ? 2 : 8;
    head += width;
    if (bytes.size() < head) return std::nullopt;
    size = big_endian(std::string_view(bytes).substr(2, width));
  }
  WsFrame frame;
  frame.masked = (second & 0x80) != 0;  // a server must not; the caller checks
  if (frame.masked) head += 4;
  if (bytes.size() < head || bytes.size() - head < size) return std::nullopt;
  frame.fin = (first & 0x80) != 0;
  frame.rsv = first >> 4 & 7;
  frame.op = first & 15;
  frame.payload = bytes.substr(head, size);
  bytes.erase(0, head + size);
  return frame;
}

std::string close_payload(uint16_t code, std::string_view text) {
  std::string payload;
  append_big_endian(payload, code, 2);
  return payload.append(text);
}

uint16_t close_code(std::string_view payload) {
  return payload.size() < 2 ? 0 : static_cast<uint16_t>(big_endian(payload.substr(0, 2)));
}

std::string deflate_message(std::string_view plain) {
  z_stream z{};
  deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, plain.size()) + 16, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  z.avail_in = static_cast<uInt>(plain.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_SYNC_FLUSH);
  out.resize(z.total_out - 4);
  deflateEnd(&z);
  return out;
}

std::optional<std::string> inflate_message(std::string_view compressed) {
  std::string in(compressed);
  in.append("\0\0\xff\xff", 4);
  z_stream z{};
  inflateInit2(&z, -MAX_WBITS);
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  std::string out;
  int status = Z_OK;
  while (status == Z_OK) {
    char buffer[16384];
    z.next_out = reinterpret_cast<Bytef*>(buffer);
    z.avail_out = sizeof buffer;
    status = inflate(&z, Z_SYNC_FLUSH);
    out.append(buffer, sizeof buffer - z.avail_out);
    if (z.avail_in == 0 && z.avail_out > 0) break;
  }
  inflateEnd(&z);
  if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return std::nullopt;
  return out;
}

std::string upgrade_request(std::string_view path, std::string_view extra) {
  std::string request = "GET ";
  request.append(path).append(
      " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n");
  return request.append(extra).append("\r\n");
}

}  // namespace pipit::test
