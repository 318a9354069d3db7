// Small files come whole, and what is no small file is refused before it fills the memory.
#include "server/read_file.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <fstream>

#include "tests/support/temp_dir.h"

using namespace pipit;

TEST_CASE("a file is read whole, to its last byte and with its zeros") {
  const test::TempDir dir;
  const std::string path = (dir.path() / "file").string();
  for (const size_t size :
       {size_t{0}, size_t{1}, size_t{4095}, size_t{4096}, size_t{4097}, size_t{100'000}}) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31);
    std::ofstream(path, std::ios::binary) << text;
    const auto read = read_file(path, 100'000);
    REQUIRE(read.ok());
    CHECK(read.value() == text);
  }
}

TEST_CASE("a file that does not say its size is read too") {
  const auto read = read_file("/proc/self/cmdline", 65536);
  REQUIRE(read.ok());
  CHECK(!read.value().empty());
}

TEST_CASE("a file that is larger than allowed is refused, also one without end") {
  const test::TempDir dir;
  const std::string path = (dir.path() / "file").string();
  std::ofstream(path) << "12345";
  CHECK(read_file(path, 5).ok());
  CHECK(read_file(path, 4).error().code == Errc::exhausted);
  CHECK(read_file("/dev/zero", 1024 * 1024).error().code == Errc::exhausted);
}

TEST_CASE("what is missing, or a directory, is an error with its number") {
  const test::TempDir dir;
  CHECK(read_file((dir.path() / "none").string(), 10).error().sys_errno == ENOENT);
  const auto folder = read_file(dir.path().string(), 10);
  CHECK(folder.error().code == Errc::io);
  CHECK(folder.error().sys_errno == EISDIR);
}
