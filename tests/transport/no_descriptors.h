// No more than `spare` descriptors can be opened in this process while one of these lives.
#pragma once
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace pipit::net {

class NoDescriptors {
 public:
  explicit NoDescriptors(rlim_t spare = 0) {
    getrlimit(RLIMIT_NOFILE, &old_);
    int lowest_free = dup(STDERR_FILENO);
    close(lowest_free);
    rlimit now = old_;
    now.rlim_cur = static_cast<rlim_t>(lowest_free) + spare;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &now) == 0);
  }
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &old_); }
  NoDescriptors(const NoDescriptors&) = delete;

 private:
  rlimit old_;
};

}  // namespace pipit::net
