// Proves how many CPUs a control group's quota leaves, on samples of what the kernel shows of it.
// process_test.py proves that a pinned pipit takes as many reactors as it has CPUs.
#include "server/cpu_count.h"

#include <doctest/doctest.h>

#include "tests/support/temp_dir.h"

using namespace pipit;

namespace {

// /sys/fs/cgroup with these files in it.
class Groups {
 public:
  Groups(std::initializer_list<std::pair<const char*, const char*>> files) {
    for (const auto& [name, text] : files) {
      std::filesystem::create_directories((dir_.path() / name).parent_path());
      dir_.write(name, text);
    }
  }
  uint32_t cpus(std::string_view membership) const { return quota_cpus(dir_.path(), membership); }

 private:
  test::TempDir dir_;
};

}  // namespace

TEST_CASE("version 2: quota and period in one file, rounded up") {
  CHECK(Groups{{"cpu.max", "max 100000\n"}}.cpus("0::/\n") == 0);
  CHECK(Groups{{"cpu.max", "100000 100000\n"}}.cpus("0::/\n") == 1);
  CHECK(Groups{{"cpu.max", "50000 100000\n"}}.cpus("0::/\n") == 1);
  CHECK(Groups{{"cpu.max", "150000 100000\n"}}.cpus("0::/\n") == 2);
  CHECK(Groups{{"cpu.max", "400000 100000\n"}}.cpus("0::/") == 4);
}

TEST_CASE("the smallest quota between the process's group and the root counts") {
  const Groups groups{{"system.slice/cpu.max", "300000 100000\n"},
                      {"system.slice/pipit.service/cpu.max", "max 100000\n"},
                      {"system.slice/small.service/cpu.max", "200000 100000\n"},
                      {"system.slice/large.service/cpu.max", "800000 100000\n"}};
  CHECK(groups.cpus("0::/system.slice/pipit.service\n") == 3);
  CHECK(groups.cpus("0::/system.slice/small.service\n") == 2);
  CHECK(groups.cpus("0::/system.slice/large.service\n") == 3);
  CHECK(groups.cpus("0::/user.slice\n") == 0);
}

TEST_CASE("version 1: two files under the controller's own mount") {
  const Groups groups{{"cpu/docker/a/cpu.cfs_quota_us", "250000\n"},
                      {"cpu/docker/a/cpu.cfs_period_us", "100000\n"},
                      {"cpu/cpu.cfs_quota_us", "-1\n"},
                      {"cpu/cpu.cfs_period_us", "100000\n"}};
  CHECK(groups.cpus("5:memory:/docker/a\n4:cpu,cpuacct:/docker/a\n1:name=systemd:/\n") == 3);
  CHECK(groups.cpus("4:cpuacct,cpu:/docker/a\n") == 3);
  CHECK(groups.cpus("4:cpuset:/docker/a\n") == 0);
  CHECK(groups.cpus("4:cpu:/\n") == 0);
}

TEST_CASE("a path that the mount does not show falls back to the root") {
  const Groups groups{{"cpu.max", "200000 100000\n"}};
  CHECK(groups.cpus("0::/kubepods/pod1/container\n") == 2);
  CHECK(groups.cpus("0::/../../other\n") == 2);
}

TEST_CASE("what cannot be read is no quota") {
  CHECK(quota_cpus("/no/such/folder", "0::/\n") == 0);
  CHECK(Groups{{"cpu.max", "\n"}}.cpus("0::/\n") == 0);
  CHECK(Groups{{"cpu.max", "0 100000\n"}}.cpus("0::/\n") == 0);
  CHECK(Groups{{"cpu.max", "100000 0\n"}}.cpus("0::/\n") == 0);
  CHECK(Groups{{"cpu.max", "100000 100000\n"}}.cpus("") == 0);
  CHECK(Groups{{"cpu.max", "100000 100000\n"}}.cpus("nonsense\n::\n") == 1);
}

TEST_CASE("there is always a CPU to run on") { CHECK(usable_cpus() >= 1); }
