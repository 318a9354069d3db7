// Vfs and Clock: the only way of the store to files, time and randomness. PosixVfs is the real one;
// tests put a disk in its place that loses, tears and reorders what was not synced.
//
// A Vfs is one flat directory. Names are made by the store from numbers; no name that came from a
// client ever becomes one. A File may be read by several threads at once; writes of one file come
// from one thread at a time.
#pragma once
#include <pipit/result.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipit::js::store {

class File {
 public:
  virtual ~File() = default;
  // These may do less than asked; reading 0 bytes is the end of the file.
  virtual Result<size_t> read(std::span<std::byte> into, uint64_t offset) = 0;
  // read() of what the system has in memory; Errc::timeout: it would have to wait for the disk.
  virtual Result<size_t> read_now(std::span<std::byte> into, uint64_t offset) {
    return read(into, offset);
  }
  virtual Result<size_t> write(std::span<const std::byte> bytes, uint64_t offset) = 0;
  // Returns when the bytes and the length are on the disk. A failure must never be tried again: the
  // kernel may have dropped what it could not write.
  virtual Result<void> sync() = 0;
  // Makes the file at least `size` long, with the blocks for it.
  virtual Result<void> allocate(uint64_t size) = 0;
  virtual Result<void> truncate(uint64_t size) = 0;
  virtual Result<uint64_t> size() = 0;
};

class Vfs {
 public:
  enum class Mode : uint8_t { existing, create };

  virtual ~Vfs() = default;
  virtual Result<std::shared_ptr<File>> open(std::string_view name, Mode mode) = 0;
  virtual Result<void> rename(std::string_view from, std::string_view to) = 0;  // replaces `to`
  virtual Result<void> remove(std::string_view name) = 0;
  virtual Result<std::vector<std::string>> list() = 0;
  // What was created, renamed and removed is so after a power cut, too.
  virtual Result<void> sync_names() = 0;
  virtual Result<uint64_t> free_bytes() = 0;
  virtual uint64_t random() = 0;
  // Names the time since the machine was last started: what was written in it is there, synced or
  // not. 0: not known.
  virtual uint64_t boot() = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t wall_ns() = 0;
  virtual int64_t monotonic_ns() = 0;
};

enum class Patience : uint8_t { wait, now };

// Loops of the calls that may do less than asked. read_all() is short only at the file's end.
Result<size_t> read_all(File& file, std::span<std::byte> into, uint64_t offset,
                        Patience patience = Patience::wait);
Result<void> write_all(File& file, std::span<const std::byte> bytes, uint64_t offset);

}  // namespace pipit::js::store
