// Proves that PosixVfs does on a real directory what Vfs promises: bytes come back, lengths hold, a
// directory is had by one at a time, and errors carry their errno.
#include "jetstream/store/posix_vfs.h"

#include <cerrno>
#include <string>

#include <doctest/doctest.h>

#include "tests/support/temp_dir.h"

namespace pipit::js::store {
namespace {

TEST_CASE("files are written, read, resized, renamed and removed in a directory of their own") {
  test::TempDir dir;
  auto opened = PosixVfs::open_directory((dir.path() / "a" / "b").string());
  REQUIRE(opened.ok());
  Vfs& vfs = *opened.value();
  CHECK(vfs.open("one", Vfs::Mode::existing).error().sys_errno == ENOENT);
  auto file = vfs.open("one", Vfs::Mode::create).value();
  REQUIRE(file->allocate(1 << 20).ok());
  CHECK(file->size().value() == 1 << 20);
  const std::string text = "some bytes";
  REQUIRE(write_all(*file, std::as_bytes(std::span(text)), 1000).ok());
  REQUIRE(file->sync().ok());
  std::string back(text.size(), '\0');
  CHECK(read_all(*file, std::as_writable_bytes(std::span(back)), 1000).value() == text.size());
  CHECK(back == text);
  REQUIRE(file->truncate(1005).ok());
  CHECK(read_all(*file, std::as_writable_bytes(std::span(back)), 1000).value() == 5);
  REQUIRE(vfs.rename("one", "two").ok());
  REQUIRE(vfs.sync_names().ok());
  CHECK(vfs.list().value() == std::vector<std::string>{"two"});
  REQUIRE(vfs.remove("two").ok());
  CHECK(vfs.list().value().empty());
  CHECK(vfs.free_bytes().value() > 0);
  CHECK(vfs.random() != vfs.random());
  CHECK(vfs.boot() == vfs.boot());
}

TEST_CASE("a directory is had by one at a time") {
  test::TempDir dir;
  auto first = PosixVfs::open_directory(dir.path().string());
  REQUIRE(first.ok());
  auto second = PosixVfs::open_directory(dir.path().string());
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().text.find("in use") != std::string::npos);
  first.value().reset();
  CHECK(PosixVfs::open_directory(dir.path().string()).ok());
}

}  // namespace
}  // namespace pipit::js::store
