#include "server/outgoing.h"

#include "server/outbound.h"
#include "server/text_cursor.h"

namespace pipit {
char* ComposeArea::room(size_t size, bool keep) {
  if (slab_ && !keep && slab_.unique()) used_ = 0;
  if (!slab_ || kCapacity - used_ < size) {
    slab_ = net::make_slab(kCapacity);
    used_ = 0;
  }
  char* const begin = reinterpret_cast<char*>(slab_.bytes()) + used_;
  used_ += static_cast<uint32_t>(size);
  return begin;
}

Composed compose(const Outgoing& out, ComposeArea& area, bool keep) {
  const bool share = out.owned != nullptr && out.bytes.size() > kInlinePayloadMax;
  const size_t size = out.subject.size() + out.reply.size() + out.headers.size() + 2 * TextCursor::kMaxDigits +
                      (share ? 0 : out.bytes.size());
  Composed composed;
  if (share) {
    const auto [release, context] = out.owned->detach();
    composed.own = net::make_slab(static_cast<uint32_t>(size), {release, context});
  } else if (!ComposeArea::fits(size)) {
    composed.own = net::make_slab(static_cast<uint32_t>(size));
  }
  TextCursor at{composed.own ? reinterpret_cast<char*>(composed.own.bytes())
                             : area.room(size, keep)};

  proto::Message& m = composed.message;
  m.subject = at.put(out.subject);
  m.reply = at.put(out.reply);
  m.size_text = at.put_uint(out.size());
  if (!out.headers.empty()) {
    m.header_size = static_cast<uint32_t>(out.headers.size());
    m.header_size_text = at.put_uint(m.header_size);
  }
  const std::string_view headers = at.put(out.headers);
  if (share) {
    m.payload = out.bytes;
    if (!headers.empty()) m.block_apart = headers.data();
  } else {
    m.payload = {headers.data(), headers.size() + at.put(out.bytes).size()};
    if (out.owned != nullptr) out.owned->reset();
  }
  return composed;
}

}  // namespace pipit
