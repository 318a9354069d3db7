#include "tests/support/temp_dir.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>

namespace pipit::test {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "pipit-test-XXXXXX").string();
  if (!::mkdtemp(name.data())) {
    std::perror("mkdtemp");
    std::abort();  // no test means anything without a place for its files
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDir::write(std::string_view name, std::string_view text) const {
  std::filesystem::path file = path_ / name;
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

}  // namespace pipit::test
