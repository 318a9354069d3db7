// Slabs: counted blocks of bytes. A read lands in one and stays there; large payloads are slices.
//
// The count is atomic, because a slice may be held on another reactor; it is touched once per slice
// per reactor, never per subscriber. The last release, on whatever thread, brings the block home to
// its pool, which keeps a few for the next reads, or gives it to malloc.
//
// I1  Pool and releasing threads meet in SlabHome only. It outlives the pool: the pool and each
//     pooled slab count as one reference to it.
// I2  Nobody waits there for a turn: who does not get the lock goes to malloc instead. (Only the
//     pool's destructor waits, for a push of a few instructions.)
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

namespace pipit::net {

struct Slab;

// Where slabs of one pool are kept.
struct SlabHome {
  static constexpr uint32_t kKept = 16;

  // False: free it yourself.
  bool take_back(Slab* slab);
  // Nothing kept, or somebody is at it: nullptr.
  Slab* hand_out();

  std::atomic<uint32_t> refs{1};
  std::mutex mutex;  // guards the rest; see I2
  bool closed = false;
  uint32_t kept_count = 0;
  Slab* kept[kKept];
};

// Bytes that lie elsewhere and live as long as a slab: the last release, on its thread, calls this.
struct Foreign {
  void (*release)(void* context) = nullptr;
  void* context = nullptr;
};

struct Slab {
  std::atomic<uint32_t> refs;
  uint32_t capacity;  // of bytes()
  SlabHome* home;     // nullptr: of no pool
  Foreign foreign;    // of no pool only
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

  // One more reference to a slab that somebody holds.
  static SlabRef share(Slab* slab) {
    slab->refs.fetch_add(1, std::memory_order_relaxed);
    return SlabRef(slab);
  }
  SlabRef share() const {
    if (slab_ != nullptr) slab_->refs.fetch_add(1, std::memory_order_relaxed);
    return SlabRef(slab_);
  }
  void reset();
  // Gives the reference to the caller.
  Slab* detach() { return std::exchange(slab_, nullptr); }
  Slab* get() const { return slab_; }
  explicit operator bool() const { return slab_ != nullptr; }
  std::byte* bytes() const { return slab_->bytes(); }
  uint32_t capacity() const { return slab_->capacity; }
  // Sole owner: nobody else can read these bytes, they may be overwritten. Acquire pairs with the
  // release in reset() on another thread.
  bool unique() const { return slab_->refs.load(std::memory_order_acquire) == 1; }

 private:
  Slab* slab_ = nullptr;
};

// Makes slabs, on one thread; keeps up to SlabHome::kKept of the standard size. May die before its
// slabs: those go to malloc then.
class SlabPool {
 public:
  static constexpr uint32_t kStandard = 64 * 1024;
  // Readable bytes behind `capacity`, so that simdjson may parse in place.
  static constexpr uint32_t kPadding = 64;

  SlabPool();
  SlabPool(const SlabPool&) = delete;
  ~SlabPool();
  // A slab with one reference. Other sizes than the standard one are never kept.
  SlabRef make(uint32_t capacity = kStandard);

 private:
  SlabHome* home_;
};

// [any thread] A slab of no pool: `capacity` bytes of its own, and what goes with them.
SlabRef make_slab(uint32_t capacity, Foreign foreign = {});

}  // namespace pipit::net
