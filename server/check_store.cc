#include "server/check_store.h"

#include <cstdio>
#include <filesystem>

#include "jetstream/store/check.h"
#include "jetstream/store/posix_vfs.h"

namespace pipit {

int check_store(const std::string& program, const std::vector<std::string>& args) {
  namespace store = js::store;
  constexpr int kUnchecked = 2;
  std::string folder;
  bool repair = false;
  for (const std::string& arg : args) {
    if (arg == "--repair")
      repair = true;
    else if (folder.empty())
      folder = arg;
    else
      folder = "-";
  }
  if (folder.empty() || folder.front() == '-') {
    std::fprintf(stderr, "usage: %s check DIR [--repair]\n", program.c_str());
    return kUnchecked;
  }
  // The folder of the store itself, or the one that store_dir names.
  std::error_code none;
  std::string found;
  for (const char* below : {"", "/pipit", "/jetstream/pipit"})
    for (const char* copy : {"/checkpoint.a", "/checkpoint.b"})
      if (found.empty() && std::filesystem::exists(folder + below + copy, none))
        found = folder + below;
  if (found.empty()) {
    std::fprintf(stderr, "%s: there is no store in %s\n", program.c_str(), folder.c_str());
    return kUnchecked;
  }
  auto vfs = store::PosixVfs::open_directory(found);
  auto report =
      vfs ? store::check(*vfs.value(), repair) : Result<store::CheckReport>(vfs.take_error());
  if (!report) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), report.error().text.c_str());
    return kUnchecked;
  }
  for (const store::Finding& finding : report.value().findings)
    std::printf("%s: %s%s\n", finding.file.c_str(), finding.text.c_str(),
                finding.repaired ? " (repaired)" : "");
  std::printf("%llu streams, %llu segments, %llu messages, %llu bytes: %s\n",
              static_cast<unsigned long long>(report.value().streams),
              static_cast<unsigned long long>(report.value().segments),
              static_cast<unsigned long long>(report.value().messages),
              static_cast<unsigned long long>(report.value().bytes),
              report.value().sound() ? "sound" : "damaged");
  return report.value().sound() ? 0 : 1;
}

}  // namespace pipit
