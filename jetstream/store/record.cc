#include "jetstream/store/record.h"

#include <xxhash.h>

#include <bit>

namespace pipit::js::store {
namespace {

static_assert(std::endian::native == std::endian::little,
              "fields are written as they are in memory");

constexpr uint32_t kSegmentMagic = 0x47455350;  // "PSEG"
constexpr uint32_t kBatchMagic = 0x54414250;    // "PBAT"
constexpr uint32_t kRecordMagic = 0x43455250;   // "PREC"

// Binds bytes to their place. The seed of XXH3 is not enough of a mix for short inputs that an
// attacker chooses, but chance and hardware choose these.
uint64_t bound_checksum(const void* bytes, size_t size, uint64_t key, uint64_t offset) {
  const uint64_t place[2] = {key, offset};
  return XXH3_64bits_withSeed(bytes, size, XXH3_64bits(place, sizeof place));
}

// Magic and length stand in front of the checksum; the rest of the header behind it.
uint64_t header_checksum(const char* header, uint64_t key, uint64_t offset) {
  char covered[kRecordHeader - 8];
  __builtin_memcpy(covered, header, 8);
  __builtin_memcpy(covered + 8, header + 16, kRecordHeader - 16);
  return bound_checksum(covered, sizeof covered, key, offset);
}

bool known(RecordKind kind) { return kind >= RecordKind::message && kind <= RecordKind::skip; }

}  // namespace

MessageId hash_id(std::string_view id) {
  const XXH128_hash_t hash = XXH3_128bits(id.data(), id.size());
  return {hash.high64, hash.low64 | 1};  // never zero
}

uint64_t checksum(Bytes bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

void write_segment_header(std::string& out, const SegmentHeader& header) {
  char bytes[kSegmentHeader] = {};
  put(bytes, kSegmentMagic);
  put(bytes + 4, kFormatVersion);
  put(bytes + 8, header.id);
  put(bytes + 16, header.key);
  put(bytes + 24, header.capacity);
  put(bytes + 32, header.boot);
  put(bytes + 56, static_cast<uint64_t>(XXH3_64bits(bytes, 56)));
  out.append(bytes, sizeof bytes);
}

SegmentVerdict read_segment_header(Bytes bytes, SegmentHeader& header) {
  if (bytes.size() < kSegmentHeader) return SegmentVerdict::damaged;
  const std::byte* const at = bytes.data();
  if (get<uint32_t>(at) != kSegmentMagic || get<uint64_t>(at + 56) != XXH3_64bits(at, 56))
    return SegmentVerdict::damaged;
  if (get<uint16_t>(at + 4) != kFormatVersion) return SegmentVerdict::newer;
  header.id = get<uint64_t>(at + 8);
  header.key = get<uint64_t>(at + 16);
  header.capacity = get<uint64_t>(at + 24);
  header.boot = get<uint64_t>(at + 32);
  return SegmentVerdict::good;
}

void write_record(std::string& out, const Record& record, uint64_t key, uint64_t offset) {
  const size_t start = out.size();
  const uint32_t size = record.size();
  out.resize(start + aligned(size));
  char* const at = out.data() + start;
  char* body = at + kRecordHeader;
  const uint8_t flags = static_cast<uint8_t>((record.flags & kEraseFlag) | record.front_flags());
  const auto front = [&body](auto value) {
    put(body, value);
    body += sizeof value;
  };
  if (flags & kExpiresFlag) front(record.expires_ns);
  if (flags & kIdFlag) front(record.id.high), front(record.id.low);
  if (flags & kGroupFlag) front(record.group_first), front(record.group_last);
  if (flags & kHeadersFlag) front(record.headers_size());
  for (std::string_view part : {record.subject, record.headers, record.payload, record.packed}) {
    if (!part.empty()) __builtin_memcpy(body, part.data(), part.size());
    body += part.size();
  }
  put(at, kRecordMagic);
  put(at + 4, size);
  put(at + 16, static_cast<uint64_t>(XXH3_64bits(at + kRecordHeader, size - kRecordHeader)));
  put(at + 24, record.seq);
  put(at + 32, record.prev_seq);
  put(at + 40, record.ts_ns);
  put(at + 48, record.evicts);
  put(at + 56, record.stream);
  put(at + 60, record.batch);
  put(at + 64, record.kind);
  put(at + 65, flags);
  put(at + 66, static_cast<uint16_t>(record.subject.size()));
  put(at + 68, static_cast<uint32_t>(record.counted()));
  put(at + 8, header_checksum(at, key, offset));
}

void write_batch_header(char* out, const BatchHeader& header, uint64_t key, uint64_t offset) {
  put(out, kBatchMagic);
  put(out + 4, header.number);
  put(out + 8, header.count);
  put(out + 12, header.length);
  put(out + 16, header.last_seq);
  put(out + 24, header.stream);
  put(out + 28, header.synced);
  put(out + 32, bound_checksum(out, 32, key, offset));
}

std::optional<BatchHeader> read_batch_header(Bytes bytes, uint64_t key, uint64_t offset) {
  const std::byte* const at = bytes.data();
  if (bytes.size() < kBatchHeader || get<uint32_t>(at) != kBatchMagic) return {};
  if (get<uint64_t>(at + 32) != bound_checksum(at, 32, key, offset)) return {};
  BatchHeader header;
  header.number = get<uint32_t>(at + 4);
  header.count = get<uint32_t>(at + 8);
  header.length = get<uint32_t>(at + 12);
  header.last_seq = get<uint64_t>(at + 16);
  header.stream = get<uint32_t>(at + 24);
  header.synced = get<uint32_t>(at + 28);
  return header;
}

std::optional<ParsedRecord> read_record_header(Bytes bytes, uint64_t key, uint64_t offset,
                                               bool verify) {
  const auto* const at = reinterpret_cast<const char*>(bytes.data());
  if (bytes.size() < kRecordHeader || get<uint32_t>(at) != kRecordMagic) return {};
  const auto size = get<uint32_t>(at + 4);
  if (verify && get<uint64_t>(at + 8) != header_checksum(at, key, offset)) return {};
  ParsedRecord parsed;
  Record& record = parsed.record;
  record.kind = static_cast<RecordKind>(get<uint8_t>(at + 64));
  const auto flags = get<uint8_t>(at + 65);
  const uint64_t front = uint64_t{kRecordHeader} + front_size(flags) + get<uint16_t>(at + 66);
  // A good checksum over senseless fields is somebody's forgery; without `verify` it is a bad bit.
  if (size < front || size > kMaxRecord || !known(record.kind)) return {};
  record.seq = get<uint64_t>(at + 24);
  record.prev_seq = get<uint64_t>(at + 32);
  record.ts_ns = get<int64_t>(at + 40);
  record.evicts = get<uint64_t>(at + 48);
  record.stream = get<uint32_t>(at + 56);
  record.batch = get<uint32_t>(at + 60);
  record.flags = flags;
  parsed.end = aligned(size);
  parsed.counted = get<uint32_t>(at + 68);
  return parsed;
}

std::optional<ParsedRecord> read_record(Bytes bytes, uint64_t key, uint64_t offset, bool verify) {
  auto parsed = read_record_header(bytes, key, offset, verify);
  if (!parsed) return {};
  const auto* const at = reinterpret_cast<const char*>(bytes.data());
  const auto size = get<uint32_t>(at + 4);
  if (size > bytes.size()) return parsed;
  const char* body = at + kRecordHeader;
  if (verify && get<uint64_t>(at + 16) != XXH3_64bits(body, size - kRecordHeader)) return parsed;
  Record& record = parsed->record;
  const auto front = [&body](auto& value) {
    value = get<std::remove_reference_t<decltype(value)>>(body);
    body += sizeof value;
  };
  if (record.flags & kExpiresFlag) front(record.expires_ns);
  if (record.flags & kIdFlag) front(record.id.high), front(record.id.low);
  if (record.flags & kGroupFlag) front(record.group_first), front(record.group_last);
  uint32_t headers = 0;
  if (record.flags & kHeadersFlag) front(headers);
  const auto subject = get<uint16_t>(at + 66);
  record.subject = {body, subject};
  body += subject;
  const auto rest = static_cast<uint32_t>(at + size - body);
  const uint32_t around = 30u + subject + (headers > 0 ? 4 : 0);
  if (record.flags & kPackedFlag) {
    record.packed = {body, rest};
    record.packed_headers = headers;
    record.packed_total = parsed->counted - around;
    parsed->body_good = parsed->counted > around && record.packed_total <= kMaxRecord &&
                        headers <= record.packed_total;
  } else if (headers <= rest) {
    record.headers = {body, headers};
    record.payload = {body + headers, rest - headers};
    parsed->body_good = true;
  }
  // What nobody would have written is a forgery.
  if (record.front_flags() != (record.flags & ~kEraseFlag) || record.counted() != parsed->counted)
    parsed->body_good = false;
  if (!parsed->body_good) record = bare(record);
  return parsed;
}

}  // namespace pipit::js::store
