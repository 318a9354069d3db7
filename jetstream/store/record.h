// Records, batches and segments as bytes. docs/STORE_FORMAT.md draws them; record_test.cc holds the
// drawing against what is written here.
//
// Every checksum is XXH3 of 64 bits. Those of headers cover the segment's key and the offset, so
// that a block that belongs elsewhere, or to a file's earlier life, is never taken for one that
// belongs here; the header holds the body's checksum, so the body is bound with it. The key is
// random, so no payload can be made to look like a record.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pipit::js::store {

using Bytes = std::span<const std::byte>;

constexpr uint16_t kFormatVersion = 1;
constexpr uint32_t kSegmentHeader = 64;
constexpr uint32_t kBatchHeader = 40;
constexpr uint32_t kRecordHeader = 72;
constexpr uint32_t kAlignment = 8;
constexpr uint32_t kMaxRecord = 72u << 20;  // above any max_payload; larger lengths are damage

constexpr uint64_t aligned(uint64_t size) {
  return (size + kAlignment - 1) & ~uint64_t{kAlignment - 1};
}

struct SegmentHeader {
  uint64_t id = 0;
  uint64_t key = 0;
  uint64_t capacity = 0;
  uint64_t boot = 0;  // Vfs::boot() of who began it
};

enum class SegmentVerdict : uint8_t { good, damaged, newer };
void write_segment_header(std::string& out, const SegmentHeader& header);
SegmentVerdict read_segment_header(Bytes bytes, SegmentHeader& header);

enum class RecordKind : uint8_t {
  message = 1,      // a message of a stream
  remove = 2,       // payload: ranges of sequences that are deleted
  stream_put = 3,   // subject: the stream's name, payload: its settings
  stream_drop = 4,  // the stream and all of it is deleted
  skip = 5,         // the stream's last sequence becomes `seq`; there is no message
};
constexpr uint8_t kEraseFlag = 1;  // of a remove: the bodies are overwritten, too
// Of a message: what stands in front of its subject.
constexpr uint8_t kExpiresFlag = 2;   // when it expires
constexpr uint8_t kIdFlag = 4;        // its id
constexpr uint8_t kGroupFlag = 8;     // first and last sequence of the group it came with
constexpr uint8_t kHeadersFlag = 16;  // how long its headers are
constexpr uint8_t kPackedFlag = 32;   // nothing: headers and payload are compressed

// A message's id as it is kept: 128 bits of XXH3.
struct MessageId {
  uint64_t high = 0, low = 0;
  explicit operator bool() const { return (high | low) != 0; }
  friend bool operator==(const MessageId&, const MessageId&) = default;
};
MessageId hash_id(std::string_view id);

constexpr uint32_t front_size(uint8_t flags) {
  return (flags & kExpiresFlag ? 8u : 0u) + (flags & kIdFlag ? 16u : 0u) +
         (flags & kGroupFlag ? 16u : 0u) + (flags & kHeadersFlag ? 4u : 0u);
}

// Views into the bytes that were parsed, or into the caller's when writing.
struct Record {
  RecordKind kind = RecordKind::message;
  uint8_t flags = 0;
  uint32_t stream = 0;
  uint32_t batch = 0;  // the number of the batch it was written in
  uint64_t seq = 0;
  uint64_t prev_seq = 0;  // the stream's last sequence before it
  uint64_t evicts = 0;    // the sequence that goes because this one came; 0: none
  int64_t ts_ns = 0;
  int64_t expires_ns = 0;                    // 0: not by itself
  MessageId id;                              // none: zero
  uint64_t group_first = 0, group_last = 0;  // all of these are there or none; 0: by itself
  std::string_view subject, headers, payload;
  // Instead of headers and payload, if it is compressed (packing.h).
  std::string_view packed;
  uint32_t packed_headers = 0, packed_total = 0;  // sizes of the headers, and of both, before

  uint8_t front_flags() const {
    return static_cast<uint8_t>((expires_ns != 0 ? kExpiresFlag : 0) | (id ? kIdFlag : 0) |
                                (group_last != 0 ? kGroupFlag : 0) |
                                (headers_size() > 0 ? kHeadersFlag : 0) |
                                (packed_total != 0 ? kPackedFlag : 0));
  }
  uint32_t headers_size() const {
    return packed_total != 0 ? packed_headers : static_cast<uint32_t>(headers.size());
  }
  uint32_t size() const {  // as stored, without the padding
    return static_cast<uint32_t>(kRecordHeader + front_size(front_flags()) + subject.size() +
                                 headers.size() + payload.size() + packed.size());
  }
  uint64_t counted() const {  // in its stream's size
    const uint64_t both = packed_total != 0 ? packed_total : headers.size() + payload.size();
    return 30 + subject.size() + both + (headers_size() > 0 ? 4 : 0);
  }
};

// What is left of a message of which only the header counts.
inline Record bare(const Record& record) {
  Record left = record;
  left.expires_ns = 0;
  left.id = {};
  left.subject = left.headers = left.payload = left.packed = {};
  left.packed_headers = left.packed_total = 0;
  return left;
}

struct BatchHeader {
  uint32_t number = 0;    // rises along a segment, also over batches that failed
  uint32_t count = 0;     // records
  uint32_t length = 0;    // bytes, with this header
  uint32_t stream = 0;    // of the last record
  uint64_t last_seq = 0;  // of the last record
  uint32_t synced = 0;    // number of the last batch of the segment that was on the disk by then
};

// Appends the record, padded, as it will stand at `offset` of the segment with `key`.
void write_record(std::string& out, const Record& record, uint64_t key, uint64_t offset);
// kBatchHeader bytes at `out`.
void write_batch_header(char* out, const BatchHeader& header, uint64_t key, uint64_t offset);

// `bytes` begins at the header and may end anywhere. Nothing: no such header stands there.
std::optional<BatchHeader> read_batch_header(Bytes bytes, uint64_t key, uint64_t offset);

struct ParsedRecord {
  Record record;
  uint64_t end = 0;        // where the next one begins, relative to this one
  uint32_t counted = 0;    // what the message counts for in its stream's size
  bool body_good = false;  // subject, headers and payload are what was written
};
// Nothing: no whole record whose header checksum holds begins there. A body that is bad or not all
// there leaves `body_good` false; its boundary is known all the same. `verify` false takes every
// checksum for good: tests show by it that they would notice.
std::optional<ParsedRecord> read_record(Bytes bytes, uint64_t key, uint64_t offset,
                                        bool verify = true);
// The header alone, for readers that fetch the body later; bodies are not looked at.
std::optional<ParsedRecord> read_record_header(Bytes bytes, uint64_t key, uint64_t offset,
                                               bool verify = true);

// Little endian at any address.
template <class T>
void put(char* out, T value) {
  __builtin_memcpy(out, &value, sizeof value);
}
template <class T>
T get(const void* in) {
  T value;
  __builtin_memcpy(&value, in, sizeof value);
  return value;
}

uint64_t checksum(Bytes bytes, uint64_t seed = 0);

}  // namespace pipit::js::store
