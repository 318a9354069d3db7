#include "server/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pipit {

// Not by a stream of the standard library: those are a quarter of a megabyte of an idle broker.
Result<std::string> read_file(const std::string& path, size_t max) {
  const auto failed = [](const char* where) {
    return Error{Errc::io, errno, where, "a file cannot be read"};
  };
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failed("open");
  std::string text;
  Result<std::string> result = std::string();
  while (true) {
    constexpr size_t kStep = 4096;
    const size_t had = text.size();
    text.resize(std::min(had + std::max(had, kStep), max + 1));
    const ssize_t got = read(fd, text.data() + had, text.size() - had);
    if (got < 0 && errno != EINTR) {
      result = failed("read");
      break;
    }
    text.resize(had + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) {
      result = std::move(text);
      break;
    }
    if (text.size() > max) {
      result = Error{Errc::exhausted, 0, "read", "a file is too large"};
      break;
    }
  }
  close(fd);
  return result;
}

}  // namespace pipit
