#include "server/inbox.h"

#include <algorithm>
#include <new>

#include "server/text_cursor.h"

namespace pipit {
namespace {

constexpr size_t round_up(size_t size) { return (size + 7) & ~size_t{7}; }

}  // namespace

Inbox::~Inbox() {
  ChunkPool last;
  clear(last);
}

size_t Inbox::cost(const proto::Message& message) {
  return round_up(sizeof(Entry) + message.subject.size() + message.reply.size() +
                  message.header_size + message.body().size());
}

char* Inbox::room(size_t size, ChunkPool& pool) {
  if (last_ == nullptr || last_->capacity - last_->used < size) {
    Chunk* const chunk = pool.take(size, size_class_);
    chunk->next = nullptr;
    if (size_class_ + 1U < ChunkPool::kCapacity.size()) ++size_class_;
    if (last_ == nullptr) {
      first_ = chunk;
      read_ = 0;
    } else {
      last_->next = chunk;
    }
    last_ = chunk;
  }
  char* const begin = last_->bytes() + last_->used;
  last_->used += static_cast<uint32_t>(size);
  return begin;
}

void Inbox::push(SubscriptionState& sub, const proto::Message& message, bool with_headers,
                 const net::SlabRef& slab, ChunkPool& pool) {
  static_assert(sizeof(Chunk) % alignof(Entry) == 0 && alignof(Entry) <= 8);
  const std::string_view headers = with_headers ? message.headers() : std::string_view();
  const std::string_view body = message.body();
  const size_t size = headers.size() + body.size();
  const bool copy = size <= kInlinePayloadMax || pins_.outweigh(slab, bytes_ + size);
  size_t text = 0;
  if (copy) text = message.subject.size() + message.reply.size() + size;
  const size_t record = round_up(sizeof(Entry) + text);
  char* const out = room(record, pool);
  auto* entry = new (out) Entry{};
  entry->sub = &sub;
  entry->record_size = static_cast<uint32_t>(record);
  if (copy) {
    TextCursor text_at{out + sizeof(Entry)};
    entry->subject = text_at.put(message.subject);
    entry->reply = text_at.put(message.reply);
    entry->headers = text_at.put(headers);
    entry->payload = text_at.put(body);
    bytes_ += record;
  } else {
    entry->subject = message.subject;
    entry->reply = message.reply;
    entry->headers = headers;
    entry->payload = body;
    entry->slab = slab.share();
    entry->pins = pins_.add(slab);
    bytes_ += record + size;
  }
  ++count_;
}

void Inbox::pop(ChunkPool& pool) {
  Entry& entry = front();
  bytes_ -= entry.record_size;
  if (entry.slab) {
    bytes_ -= entry.headers.size() + entry.payload.size();
    pins_.bytes -= entry.pins;
  }
  read_ += entry.record_size;
  entry.~Entry();
  --count_;
  ++popped_;
  if (read_ < first_->used) return;
  Chunk* const done = first_;
  first_ = done->next;
  read_ = 0;
  if (first_ == nullptr) {
    last_ = nullptr;
    size_class_ = 0;
    pins_ = {};
  }
  pool.give(done);
}

void Inbox::clear(ChunkPool& pool) {
  while (!empty()) pop(pool);
}

}  // namespace pipit
