// Zones by name: each is read once, none by a path, and UTC is there without a file.
#include "jetstream/time_zones.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/jetstream/zones.h"

namespace {

using namespace pipit::js;

TEST_CASE("a zone is read once, and one that is not there each time") {
  std::vector<std::string> read;
  TimeZones zones([&](std::string_view name) {
    read.emplace_back(name);
    return name == "Europe/Berlin" ? zones::tzif(3600, {}, zones::kBerlin) : std::string();
  });
  const TimeZone* const berlin = zones.find("Europe/Berlin");
  REQUIRE(berlin != nullptr);
  CHECK(berlin->at(1'795'000'000).utc_offset_s == 3600);
  CHECK(zones.find("Europe/Berlin") == berlin);
  CHECK(zones.find("Nowhere/Else") == nullptr);
  CHECK(zones.find("Nowhere/Else") == nullptr);
  CHECK(read == std::vector<std::string>{"Europe/Berlin", "Nowhere/Else", "Nowhere/Else"});
}

TEST_CASE("UTC asks for no file, and no path is a name") {
  bool asked = false;
  TimeZones zones([&](std::string_view) {
    asked = true;
    return std::string();
  });
  REQUIRE(zones.find("UTC") != nullptr);
  CHECK(zones.find("UTC")->at(0).utc_offset_s == 0);
  for (const char* path : {"", "../zoneinfo/UTC", "/etc/localtime", "Europe/", "a/../b"})
    CHECK_MESSAGE(zones.find(path) == nullptr, path);
  CHECK(!asked);
}

}  // namespace
