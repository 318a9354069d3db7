#include "jetstream/store/vfs.h"

#include <cerrno>

namespace pipit::js::store {

Result<size_t> read_all(File& file, std::span<std::byte> into, uint64_t offset, Patience patience) {
  size_t done = 0;
  while (done < into.size()) {
    auto n = patience == Patience::now ? file.read_now(into.subspan(done), offset + done)
                                       : file.read(into.subspan(done), offset + done);
    if (!n) return n;
    if (n.value() == 0) break;
    done += n.value();
  }
  return done;
}

Result<void> write_all(File& file, std::span<const std::byte> bytes, uint64_t offset) {
  size_t done = 0;
  while (done < bytes.size()) {
    auto n = file.write(bytes.subspan(done), offset + done);
    if (!n) return n.take_error();
    // A disk that takes nothing and says nothing is full.
    if (n.value() == 0) return Error{Errc::io, ENOSPC, "write", "no space left on device"};
    done += n.value();
  }
  return {};
}

}  // namespace pipit::js::store
