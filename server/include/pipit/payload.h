// pipit/payload.h -- bytes to publish, owned, so that they can be handed over without a copy.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pipit {

// Move-only. Whoever has it last gives the bytes back, once: the Payload that was never published, or
// the last subscriber that has read or sent them, on whatever thread that is.
class Payload {
 public:
  using Release = void (*)(void* context);

  Payload() noexcept = default;
  static Payload copy(std::string_view bytes) { return from(std::string(bytes)); }
  static Payload from(std::string&& bytes) { return keep(new std::string(std::move(bytes))); }
  static Payload from(std::vector<std::byte>&& bytes) {
    return keep(new std::vector<std::byte>(std::move(bytes)));
  }
  static Payload from(std::vector<unsigned char>&& bytes) {
    return keep(new std::vector<unsigned char>(std::move(bytes)));
  }
  // `release(context)` is called when nobody reads `data` any more: exactly once, on any thread. It
  // must not call Pipit. Until then `data` does not move and does not change. Null: nothing to do.
  static Payload adopt(const void* data, size_t size, Release release, void* context) noexcept {
    Payload payload;
    payload.bytes_ = {static_cast<const char*>(data), size};
    payload.release_ = release;
    payload.context_ = context;
    return payload;
  }

  Payload(Payload&& other) noexcept { swap(other); }
  Payload& operator=(Payload&& other) noexcept {
    Payload(std::move(other)).swap(*this);
    return *this;
  }
  ~Payload() { reset(); }

  std::string_view view() const noexcept { return bytes_; }
  size_t size() const noexcept { return bytes_.size(); }
  void reset() noexcept {
    if (release_ != nullptr) std::exchange(release_, nullptr)(context_);
    bytes_ = {};
  }
  void swap(Payload& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(release_, other.release_);
    std::swap(context_, other.context_);
  }
  // What release_ would be called with: then it is the caller's to call. Leaves an empty Payload.
  std::pair<Release, void*> detach() noexcept {
    bytes_ = {};
    return {std::exchange(release_, nullptr), context_};
  }

 private:
  template <class Container>
  static Payload keep(Container* bytes) noexcept {
    return adopt(bytes->data(), bytes->size(),
                 [](void* context) { delete static_cast<Container*>(context); }, bytes);
  }

  std::string_view bytes_;
  Release release_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace pipit
