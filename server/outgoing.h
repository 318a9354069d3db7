// Outgoing: what a program wants to publish, and how it becomes a message in counted memory.
//
// Texts and small payloads are copied behind each other; a large payload that is handed over stays
// where it is, and the slab that holds the texts keeps it alive and gives it back.
#pragma once
#include <string_view>

#include "pipit/payload.h"
#include "protocol/message.h"
#include "transport/slab.h"

namespace pipit {

struct Outgoing {
  std::string_view subject, reply;
  std::string_view headers;   // a block, or empty
  std::string_view bytes;     // of the payload
  Payload* owned = nullptr;   // `bytes` are its, and go with the message; null: they are copied

  size_t size() const { return headers.size() + bytes.size(); }
};

// Where small messages are put together. One thread; the slabs are counted, so what was composed may
// be kept, and a fresh one is begun only if some was, or there is no room.
class ComposeArea {
 public:
  static constexpr uint32_t kCapacity = 32 * 1024;

  // `keep`: what was composed before is still needed, though nobody may hold a count of it.
  char* room(size_t size, bool keep);
  const net::SlabRef& slab() const { return slab_; }
  static bool fits(size_t size) { return size <= kCapacity / 4; }

 private:
  net::SlabRef slab_;
  uint32_t used_ = 0;
};

struct Composed {
  proto::Message message;
  net::SlabRef own;  // a slab for this message alone; else it lies in the area's
};

// Takes `out.owned` over: empty afterwards.
Composed compose(const Outgoing& out, ComposeArea& area, bool keep);

}  // namespace pipit
