// Scans bytes as a segment, with and without checksums: the scan ends, moves forward only, and
// stays within them.
#include <cstdint>
#include <cstdlib>

#include "jetstream/store/segment_scan.h"

using namespace pipit::js::store;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  for (const bool verify : {true, false}) {
    SegmentScan scan(bytes, 0x0123456789abcdef, verify);
    uint64_t before = 0;
    for (SegmentScan::Found found; (found = scan.next()) != SegmentScan::Found::end;) {
      if (scan.offset() < before || scan.data_end() > size) std::abort();
      if (scan.data_end() <= scan.offset()) std::abort();
      before = scan.offset();
      if (found != SegmentScan::Found::record || !scan.parsed().body_good) continue;
      const std::string_view payload = scan.parsed().record.payload;
      const char* const end = reinterpret_cast<const char*>(data) + size;
      if (payload.data() + payload.size() > end) std::abort();
    }
  }
  return 0;
}
