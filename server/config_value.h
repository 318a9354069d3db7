// ConfigValue: one value of a configuration file and where it stood.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pipit {

struct ConfigPosition {
  std::string file;
  uint32_t line = 0, column = 0;
  // "file:line:column: text"
  std::string error(std::string_view text) const {
    return file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " +
           std::string(text);
  }
};

struct ConfigEntry;

struct ConfigValue {
  enum class Type : uint8_t { null, boolean, integer, real, string, datetime, array, map };

  Type type = Type::null;
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  std::string text;                  // string, datetime
  std::vector<ConfigValue> items;    // array
  std::vector<ConfigEntry> entries;  // map, in order; of equal keys the last one counts
  ConfigPosition at;

  // The last entry with exactly this key.
  const ConfigEntry* find(std::string_view key) const;
  ConfigEntry* find(std::string_view key);
};

struct ConfigEntry {
  std::string key;
  ConfigPosition at;  // also value.at
  ConfigValue value;
  bool used_as_variable = false;
};

}  // namespace pipit
