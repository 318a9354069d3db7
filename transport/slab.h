// Slabs: counted blocks of bytes. A read lands in one and stays there; large payloads are slices.
//
// The count is atomic, because a slice may be held on another reactor; it is touched once per slice
// per reactor, never per subscriber. The last release, on whatever thread, gives the block back to
// malloc unless it happens on the pool's own thread, which keeps a few for the next read.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace pipit::net {

class SlabPool;

struct Slab {
  std::atomic<uint32_t> refs;
  uint32_t capacity;  // of bytes()
  SlabPool* home;     // whose thread may keep it; nullptr: plain malloc
  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
};

// One reference to a slab.
class SlabRef {
 public:
  SlabRef() = default;
  explicit SlabRef(Slab* adopted) : slab_(adopted) {}
  SlabRef(SlabRef&& other) noexcept : slab_(std::exchange(other.slab_, nullptr)) {}
  SlabRef& operator=(SlabRef&& other) noexcept {
    if (this != &other) {
      reset();
      slab_ = std::exchange(other.slab_, nullptr);
    }
    return *this;
  }
  SlabRef(const SlabRef&) = delete;
  SlabRef& operator=(const SlabRef&) = delete;
  ~SlabRef() { reset(); }

  SlabRef share() const {
    if (slab_ != nullptr) slab_->refs.fetch_add(1, std::memory_order_relaxed);
    return SlabRef(slab_);
  }
  void reset();
  explicit operator bool() const { return slab_ != nullptr; }
  std::byte* bytes() const { return slab_->bytes(); }
  uint32_t capacity() const { return slab_->capacity; }
  // Sole owner: nobody else can read these bytes, they may be overwritten. Acquire pairs with the
  // release in reset() on another thread.
  bool unique() const { return slab_->refs.load(std::memory_order_acquire) == 1; }

 private:
  Slab* slab_ = nullptr;
};

// Makes slabs; keeps up to kKept of the standard size for its own thread. Not thread-safe; must
// outlive nothing: slabs released after the pool is gone (by other threads) go to malloc.
class SlabPool {
 public:
  static constexpr uint32_t kStandard = 64 * 1024;
  static constexpr size_t kKept = 16;
  // Readable bytes behind `capacity`, so that simdjson may parse in place.
  static constexpr uint32_t kPadding = 64;

  SlabPool() = default;
  SlabPool(const SlabPool&) = delete;
  ~SlabPool();
  // A slab of at least `capacity` bytes with one reference.
  SlabRef make(uint32_t capacity = kStandard);

 private:
  friend class SlabRef;
  std::vector<Slab*> kept_;
};

}  // namespace pipit::net
