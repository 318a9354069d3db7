// Reads bytes as a record, a batch header and a segment header at the place they claim, with and
// without checksums: whatever they say, no reader leaves them.
#include <cstdint>
#include <cstdlib>

#include "jetstream/store/packing.h"

using namespace pipit::js::store;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  for (const bool verify : {true, false}) {
    const auto parsed = read_record(bytes, 0x0123456789abcdef, 0x68, verify);
    if (!parsed || !parsed->body_good) continue;
    const Record& record = parsed->record;
    if (record.size() > size || parsed->end < record.size()) std::abort();
    if (aligned(record.size()) != parsed->end) std::abort();
    std::string unpacked;
    Record plain = record;
    if (unpack(plain, unpacked) && plain.headers.size() + plain.payload.size() > kMaxRecord)
      std::abort();
    // What was read and is written again is read as the same.
    std::string again;
    write_record(again, record, 2, 128);
    const auto second = read_record(std::as_bytes(std::span(again)), 2, 128);
    if (!second || !second->body_good || second->record.subject != record.subject ||
        second->record.headers != record.headers || second->record.payload != record.payload ||
        second->record.packed != record.packed || second->counted != parsed->counted)
      std::abort();
  }
  (void)read_batch_header(bytes, 0x0123456789abcdef, 0x40);
  SegmentHeader header;
  (void)read_segment_header(bytes, header);
  return 0;
}
