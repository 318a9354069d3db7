#include "jetstream/store/packing.h"

#include <lz4.h>

namespace pipit::js::store {
namespace {

constexpr size_t kSmallest = 64;  // below it nothing was ever saved

}  // namespace

std::string pack(std::string_view headers, std::string_view payload) {
  const size_t total = headers.size() + payload.size();
  if (total < kSmallest || total > kMaxRecord) return {};
  std::string joined;
  std::string_view whole = payload;
  if (!headers.empty()) {
    joined.reserve(total);
    joined.append(headers).append(payload);
    whole = joined;
  }
  std::string packed(total - total / 8, '\0');
  const int size = LZ4_compress_default(whole.data(), packed.data(), static_cast<int>(total),
                                        static_cast<int>(packed.size()));
  packed.resize(size > 0 ? static_cast<size_t>(size) : 0);  // 0: it did not fit
  return packed;
}

Result<void> unpack(Record& record, std::string& buffer) {
  if (record.packed_total == 0) return {};
  buffer.resize(record.packed_total);
  const int size =
      LZ4_decompress_safe(record.packed.data(), buffer.data(),
                          static_cast<int>(record.packed.size()), static_cast<int>(buffer.size()));
  if (size < 0 || static_cast<uint32_t>(size) != record.packed_total)
    return Error{Errc::io, 0, "store", "a message cannot be unpacked"};
  record.headers = std::string_view(buffer).substr(0, record.packed_headers);
  record.payload = std::string_view(buffer).substr(record.packed_headers);
  return {};
}

}  // namespace pipit::js::store
