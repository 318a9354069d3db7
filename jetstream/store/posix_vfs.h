// PosixVfs: a directory of the real file system, and the clocks of the real world. Plain pread,
// pwrite and fdatasync on the caller's thread.
#pragma once
#include "jetstream/store/vfs.h"

namespace pipit::js::store {

class PosixVfs final : public Vfs {
 public:
  // Makes the directory if need be and locks it: a second process, or a second PosixVfs, is
  // refused.
  static Result<std::unique_ptr<PosixVfs>> open_directory(const std::string& path);
  ~PosixVfs() override;
  PosixVfs(const PosixVfs&) = delete;
  PosixVfs& operator=(const PosixVfs&) = delete;

  Result<std::shared_ptr<File>> open(std::string_view name, Mode mode) override;
  Result<void> rename(std::string_view from, std::string_view to) override;
  Result<void> remove(std::string_view name) override;
  Result<std::vector<std::string>> list() override;
  Result<void> sync_names() override;
  Result<uint64_t> free_bytes() override;
  uint64_t random() override;
  uint64_t boot() override;

 private:
  explicit PosixVfs(int directory) : directory_(directory) {}
  const int directory_;  // also carries the lock
};

class PosixClock final : public Clock {
 public:
  int64_t wall_ns() override;
  int64_t monotonic_ns() override;
};

}  // namespace pipit::js::store
