#include "jetstream/store/posix_vfs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "jetstream/store/record.h"

namespace pipit::js::store {
namespace {

Error os_error(const char* where, int number = errno) {
  return {Errc::io, number, where, std::string(where) + ": " + std::strerror(number)};
}

// Calls again what a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class PosixFile final : public File {
 public:
  explicit PosixFile(int fd) : fd_(fd) {}
  ~PosixFile() override { ::close(fd_); }
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  Result<size_t> read(std::span<std::byte> into, uint64_t offset) override {
    const ssize_t n = uninterrupted(
        [&] { return ::pread(fd_, into.data(), into.size(), static_cast<off_t>(offset)); });
    if (n < 0) return os_error("pread");
    return static_cast<size_t>(n);
  }

  Result<size_t> read_now(std::span<std::byte> into, uint64_t offset) override {
    iovec where{into.data(), into.size()};
    const ssize_t n = uninterrupted(
        [&] { return ::preadv2(fd_, &where, 1, static_cast<off_t>(offset), RWF_NOWAIT); });
    // Some file systems cannot say; then nobody knows that it would not wait.
    if (n < 0 && (errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS))
      return Error{Errc::timeout, errno, "preadv2", "not in memory"};
    if (n < 0) return os_error("preadv2");
    return static_cast<size_t>(n);
  }

  Result<size_t> write(std::span<const std::byte> bytes, uint64_t offset) override {
    const ssize_t n = uninterrupted(
        [&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) return os_error("pwrite");
    return static_cast<size_t>(n);
  }

  Result<void> sync() override {
    // Not again after EINTR: what failed may have been dropped.
    if (::fdatasync(fd_) != 0) return os_error("fdatasync");
    return {};
  }

  Result<void> allocate(uint64_t size) override {
    int fault = 0;
    do fault = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
    while (fault == EINTR);
    if (fault != 0) return os_error("posix_fallocate", fault);
    return {};
  }

  Result<void> truncate(uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_, static_cast<off_t>(size)); }) != 0)
      return os_error("ftruncate");
    return {};
  }

  Result<uint64_t> size() override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return os_error("fstat");
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  const int fd_;
};

int64_t read_clock(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

Result<std::unique_ptr<PosixVfs>> PosixVfs::open_directory(const std::string& path) {
  for (size_t end = 0; end != std::string::npos;) {
    end = path.find('/', end + 1);
    if (::mkdir(path.substr(0, end).c_str(), 0750) != 0 && errno != EEXIST)
      return os_error("mkdir");
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return os_error("open");
  std::unique_ptr<PosixVfs> vfs(new PosixVfs(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    Error error = os_error("flock");
    if (error.sys_errno == EWOULDBLOCK) error.text = path + " is in use by another broker";
    return error;
  }
  return vfs;
}

PosixVfs::~PosixVfs() { ::close(directory_); }

Result<std::shared_ptr<File>> PosixVfs::open(std::string_view name, Mode mode) {
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (mode == Mode::create ? O_CREAT : 0);
  const std::string text(name);
  const int fd = uninterrupted([&] { return ::openat(directory_, text.c_str(), flags, 0640); });
  if (fd < 0) return os_error("openat");
  return std::shared_ptr<File>(std::make_shared<PosixFile>(fd));
}

Result<void> PosixVfs::rename(std::string_view from, std::string_view to) {
  if (::renameat(directory_, std::string(from).c_str(), directory_, std::string(to).c_str()) != 0)
    return os_error("renameat");
  return {};
}

Result<void> PosixVfs::remove(std::string_view name) {
  if (::unlinkat(directory_, std::string(name).c_str(), 0) != 0) return os_error("unlinkat");
  return {};
}

Result<std::vector<std::string>> PosixVfs::list() {
  const int fd = ::openat(directory_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* const dir = fd < 0 ? nullptr : ::fdopendir(fd);
  if (dir == nullptr) {
    if (fd >= 0) ::close(fd);
    return os_error("opendir");
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int fault = errno;
  ::closedir(dir);
  if (fault != 0) return os_error("readdir", fault);
  return names;
}

Result<void> PosixVfs::sync_names() {
  if (::fsync(directory_) != 0) return os_error("fsync");
  return {};
}

Result<uint64_t> PosixVfs::free_bytes() {
  struct statvfs info;
  if (::fstatvfs(directory_, &info) != 0) return os_error("fstatvfs");
  return uint64_t{info.f_bavail} * info.f_frsize;
}

uint64_t PosixVfs::random() {
  uint64_t value = 0;
  while (::getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

uint64_t PosixVfs::boot() {
  const int fd =
      uninterrupted([] { return ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC); });
  if (fd < 0) return 0;
  std::array<std::byte, 36> id;
  const bool whole = ::read(fd, id.data(), id.size()) == static_cast<ssize_t>(id.size());
  ::close(fd);
  return whole ? checksum(id) : 0;
}

int64_t PosixClock::wall_ns() { return read_clock(CLOCK_REALTIME); }
int64_t PosixClock::monotonic_ns() { return read_clock(CLOCK_MONOTONIC); }

}  // namespace pipit::js::store
