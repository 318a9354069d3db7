#include "server/inbound.h"

#include <cstring>

namespace pipit {

void Inbound::restore(ReadArea& area) {
  current_ = &area.slab(size_ + kMinRead);
  if (size_ > 0) std::memcpy(current_->bytes(), tail_.get(), size_);
  tail_.reset();
}

std::span<std::byte> Inbound::alloc(ReadArea& area) {
  if (!large_) restore(area);
  const net::SlabRef& target = slab();
  return {target.bytes() + size_, target.capacity() - size_};
}

std::string_view Inbound::filled(size_t n) {
  size_ += n;
  return {reinterpret_cast<const char*>(slab().bytes()), size_};
}

std::string_view Inbound::kept(ReadArea& area) {
  if (!large_) restore(area);
  return filled(0);
}

void Inbound::keep(std::string_view rest, size_t operation_size, ReadArea& area) {
  if (operation_size >= kLargeOperation && !rest.empty()) {
    const size_t needed = operation_size + kLookAhead;
    const bool in_place = large_ && rest.data() == reinterpret_cast<const char*>(large_.bytes()) &&
                          large_.capacity() >= needed;
    if (!in_place) {
      net::SlabRef own = area.pool().make(static_cast<uint32_t>(needed));
      std::memcpy(own.bytes(), rest.data(), rest.size());
      large_ = std::move(own);
    }
    size_ = rest.size();
    tail_.reset();
    current_ = nullptr;
    return;
  }
  std::unique_ptr<char[]> tail;
  if (!rest.empty()) {
    tail.reset(new char[rest.size()]);
    std::memcpy(tail.get(), rest.data(), rest.size());
  }
  tail_ = std::move(tail);
  size_ = rest.size();
  large_.reset();
  current_ = nullptr;
}

void Inbound::clear() {
  tail_.reset();
  large_.reset();
  size_ = 0;
  current_ = nullptr;
}

}  // namespace pipit
