#include "transport/ws_deflate.h"

#include "pipit_config.h"

#if PIPIT_DEFLATE
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#endif

namespace pipit::net {

const bool kDeflateBuilt = PIPIT_DEFLATE;

#if PIPIT_DEFLATE

namespace {

// Out of memory ends the process.
void require_ok(int status) {
  if (status != Z_OK) std::abort();
}

// zlib reads through a pointer that is not const, and counts in unsigned int.
Bytef* bytes_of(const void* data) { return static_cast<Bytef*>(const_cast<void*>(data)); }
uInt clamped(size_t size) {
  return static_cast<uInt>(std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct WsInflater::State {
  z_stream z{};
};

WsInflater::WsInflater() : state_(std::make_unique<State>()) {
  require_ok(inflateInit2(&state_->z, -15));
}

WsInflater::~WsInflater() { inflateEnd(&state_->z); }

void WsInflater::reset() {
  inflateReset(&state_->z);
  ended_ = false;
}

WsInflater::Step WsInflater::run(std::span<const uint8_t> input, std::span<std::byte> room) {
  if (ended_) return {input.size(), 0, false};
  z_stream& z = state_->z;
  z.next_in = bytes_of(input.data());
  z.avail_in = clamped(input.size());
  z.next_out = bytes_of(room.data());
  z.avail_out = clamped(room.size());
  int status = inflate(&z, Z_SYNC_FLUSH);
  Step step;
  step.consumed = static_cast<size_t>(z.next_in - bytes_of(input.data()));
  step.produced = static_cast<size_t>(z.next_out - bytes_of(room.data()));
  ended_ = status == Z_STREAM_END;
  if (ended_) step.consumed = input.size();
  if (status == Z_MEM_ERROR) std::abort();
  step.corrupt = status == Z_DATA_ERROR || status == Z_NEED_DICT || status == Z_STREAM_ERROR;
  return step;
}

struct WsDeflater::State {
  z_stream z{};
};

WsDeflater::WsDeflater(int window_bits) : state_(std::make_unique<State>()) {
  // A smaller hash table than zlib's own default: it is cleared for every message.
  constexpr int kMemLevel = 6;
  require_ok(deflateInit2(&state_->z, Z_BEST_SPEED, Z_DEFLATED, -window_bits, kMemLevel,
                          Z_DEFAULT_STRATEGY));
}

WsDeflater::~WsDeflater() { deflateEnd(&state_->z); }

void WsDeflater::run(std::span<const iovec> parts, std::string& out) {
  z_stream& z = state_->z;
  deflateReset(&z);
  size_t total = 0;
  for (const iovec& part : parts) total += part.iov_len;
  size_t used = out.size();
  out.resize(used + deflateBound(&z, total) + 16);
  auto run = [&](int flush) {
    for (;;) {
      z.next_out = bytes_of(out.data() + used);
      z.avail_out = clamped(out.size() - used);
      deflate(&z, flush);
      used = static_cast<size_t>(reinterpret_cast<char*>(z.next_out) - out.data());
      if (z.avail_out > 0) return;
      out.resize(out.size() * 2);
    }
  };
  for (const iovec& part : parts) {
    z.next_in = bytes_of(part.iov_base);
    z.avail_in = clamped(part.iov_len);
    run(Z_NO_FLUSH);
  }
  run(Z_SYNC_FLUSH);
  out.resize(used - 4);  // 00 00 ff ff
}

#else

struct WsInflater::State {};
WsInflater::WsInflater() = default;
WsInflater::~WsInflater() = default;
void WsInflater::reset() {}
WsInflater::Step WsInflater::run(std::span<const uint8_t>, std::span<std::byte>) {
  return {0, 0, true};
}

struct WsDeflater::State {};
WsDeflater::WsDeflater(int) {}
WsDeflater::~WsDeflater() = default;
void WsDeflater::run(std::span<const iovec>, std::string&) {}

#endif

}  // namespace pipit::net
