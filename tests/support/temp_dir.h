// TempDir: a directory of the test's own, gone with everything in it when the object dies.
#pragma once
#include <filesystem>
#include <string_view>

namespace pipit::test {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Writes `text` to a new file `name` in it and returns the file's path.
  std::filesystem::path write(std::string_view name, std::string_view text) const;

 private:
  std::filesystem::path path_;
};

}  // namespace pipit::test
