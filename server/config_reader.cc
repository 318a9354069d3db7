#include "server/config_reader.h"

#include <algorithm>

#include "server/host_port.h"

namespace pipit {
namespace {

using Type = ConfigValue::Type;

const char* type_name(Type type) {
  switch (type) {
    case Type::null:
      return "nothing";
    case Type::boolean:
      return "a boolean";
    case Type::integer:
      return "an integer";
    case Type::real:
      return "a float";
    case Type::string:
      return "a string";
    case Type::datetime:
      return "a date";
    case Type::array:
      return "an array";
    case Type::map:
      return "a map";
  }
  return "";
}

bool contains(std::span<const std::string_view> list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

// A block that says "off" asks for nothing.
bool is_off(const ConfigValue& v) {
  if (v.type == Type::boolean) return !v.boolean;
  if (v.type == Type::string) return lowered(v.text) == "disabled" || lowered(v.text) == "disable";
  if (v.type != Type::map) return false;
  for (const ConfigEntry& e : v.entries)
    if (const std::string key = lowered(e.key); key == "enabled" || key == "enable")
      return e.value.type == Type::boolean && !e.value.boolean;
  return false;
}

}  // namespace

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool ConfigReader::expect(const ConfigValue& v, Type type) {
  if (v.type == type) return true;
  error(v.at, std::string("expected ") + type_name(type) + ", found " + type_name(v.type));
  return false;
}

void ConfigReader::walk(const ConfigValue& map, const Table& table,
                        std::span<const std::string_view> not_built, std::string_view block) {
  std::map<std::string_view, const ConfigEntry*> last;
  for (const ConfigEntry& entry : map.entries) last[entry.key] = &entry;
  for (const ConfigEntry& entry : map.entries) {
    if (last[entry.key] != &entry) continue;
    const std::string key = lowered(entry.key);
    if (const auto found = table.find(key); found != table.end()) {
      found->second(entry.value);
    } else if (contains(not_built, key)) {
      if (is_off(entry.value)) continue;
      error(entry.at, "\"" + entry.key + "\"" + (block.empty() ? "" : " in ") + std::string(block) +
                          " is not built in this version of pipit");
    } else if (!entry.used_as_variable) {
      error(entry.at, "unknown field \"" + entry.key + "\"");
    }
  }
}

void ConfigReader::endpoint(const ConfigValue& v, std::string& host, int& port) {
  if (v.type == Type::integer) {
    if (v.integer < -1 || v.integer > 65535) return error(v.at, "no such port");
    port = static_cast<int>(v.integer);
    return;
  }
  if (!expect(v, Type::string)) return;
  const auto address = parse_host_port(v.text);
  if (!address || !address->port)
    return error(v.at, "could not parse address \"" + v.text + "\": host:port is due");
  host = address->host;
  port = *address->port;
}

void ConfigReader::strings(const ConfigValue& v, std::vector<std::string>& out) {
  out.clear();
  if (v.type == Type::string) {
    out.push_back(v.text);
  } else if (expect(v, Type::array)) {
    for (const ConfigValue& item : v.items)
      if (expect(item, Type::string)) out.push_back(item.text);
  }
}

}  // namespace pipit
