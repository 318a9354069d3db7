// Inbound: where a connection's bytes land, and what of them waits for more.
//
// All connections of a reactor read into one ReadArea, in turn. What a read leaves unparsed is kept
// in a block of exactly its size and put in front of the next read. An operation with a large
// payload gets a slab of its own as soon as its control line is read, so its bytes are received
// where they stay. An idle connection owns nothing.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "transport/slab.h"

namespace pipit {

// One a reactor: the slab that the next read goes to. Replaced once somebody holds slices of it.
class ReadArea {
 public:
  explicit ReadArea(net::SlabPool& pool) : pool_(pool) {}
  net::SlabRef& slab(size_t at_least) {
    if (!slab_ || !slab_.unique() || slab_.capacity() < at_least) slab_ = pool_.make(size_for(at_least));
    return slab_;
  }
  net::SlabPool& pool() { return pool_; }

 private:
  static uint32_t size_for(size_t at_least) {
    return at_least <= net::SlabPool::kStandard ? net::SlabPool::kStandard
                                                : static_cast<uint32_t>(at_least);
  }
  net::SlabPool& pool_;
  net::SlabRef slab_;
};

class Inbound {
 public:
  // Room for the next read.
  std::span<std::byte> alloc(ReadArea& area);
  // Everything unparsed, after a read of `n` bytes into alloc()'s span.
  std::string_view filled(size_t n);
  // Everything unparsed, without a read: parsing goes on after a pause.
  std::string_view kept(ReadArea& area);
  // The slab that the last view lies in.
  const net::SlabRef& slab() const { return large_ ? large_ : *current_; }
  // What parsing left of that view. `operation_size`: of the operation that is at its front and
  // whose payload is not complete, else 0. Requires: it was checked against max_payload.
  void keep(std::string_view rest, size_t operation_size, ReadArea& area);
  void clear();

 private:
  // From this size on an incomplete operation gets its own slab.
  static constexpr size_t kLargeOperation = 16 * 1024;
  // Room behind it, so that the read which completes it also brings the next control line.
  static constexpr size_t kLookAhead = 4 * 1024;
  // The least room that a read is offered.
  static constexpr size_t kMinRead = 16 * 1024;

  void restore(ReadArea& area);

  std::unique_ptr<char[]> tail_;
  size_t size_ = 0;                // bytes unparsed: in tail_, in large_, or at current_'s front
  net::SlabRef large_;
  net::SlabRef* current_ = nullptr;  // the ReadArea's, between alloc() and keep()
};

}  // namespace pipit
