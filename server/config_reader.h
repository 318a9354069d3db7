// ConfigReader: the values of a configuration tree -> fields, by type. Every fault is kept with its
// place, none stops the rest. config.cc and config_tls.cc say which key is which field.
#pragma once
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"
#include "server/config_value.h"
#include "server/duration.h"

namespace pipit {

class ConfigReader {
 protected:
  using Type = ConfigValue::Type;
  using Handler = std::function<void(const ConfigValue&)>;
  using Table = std::map<std::string_view, Handler>;

  void error(const ConfigPosition& at, std::string_view text) {
    faults_.errors.push_back(at.error(text));
  }
  // Each key of `map` to its handler, or to an error: what is `not_built` is refused unless it is
  // switched off.
  void walk(const ConfigValue& map, const Table& table, std::span<const std::string_view> not_built,
            std::string_view block);

  bool expect(const ConfigValue& v, Type type);
  Handler text(std::string& out) {
    return [this, &out](const ConfigValue& v) {
      if (expect(v, Type::string)) out = v.text;
    };
  }
  Handler boolean(bool& out) {
    return [this, &out](const ConfigValue& v) {
      if (expect(v, Type::boolean)) out = v.boolean;
    };
  }
  template <class T>
  Handler integer(T& out, int64_t low, int64_t high) {
    return [this, &out, low, high](const ConfigValue& v) {
      if (!expect(v, Type::integer)) return;
      if (v.integer < low || v.integer > high)
        return error(v.at,
                     "must be between " + std::to_string(low) + " and " + std::to_string(high));
      out = static_cast<T>(v.integer);
    };
  }
  // "1h30m", at least `low`.
  Handler duration(int64_t& out, int64_t low = 0) {
    return [this, &out, low](const ConfigValue& v) {
      if (!expect(v, Type::string)) return;
      const auto ns = parse_duration(v.text);
      if (!ns) return error(v.at, "\"" + v.text + "\" is no duration");
      if (*ns < low)
        return error(v.at, "must not be less than " + std::to_string(low / kNsPerSecond) + "s");
      out = *ns;
    };
  }
  // A duration, or a number of seconds.
  Handler seconds(int64_t& out) {
    return [this, &out](const ConfigValue& v) {
      if (v.type != Type::integer && v.type != Type::real) return duration(out)(v);
      const double given = v.type == Type::integer ? static_cast<double>(v.integer) : v.real;
      if (given < 0 || given > 1e9) return error(v.at, "no sensible number of seconds");
      out = static_cast<int64_t>(given * 1e9);
    };
  }
  // A duration. An integer of seconds does as well, but `2m` without quotes is two millions of
  // them.
  Handler quoted_duration(int64_t& out) {
    return [this, &out](const ConfigValue& v) {
      if (v.type != Type::integer) return duration(out)(v);
      faults_.warnings.push_back(
          v.at.error("an integer of seconds should be converted to a duration"));
      seconds(out)(v);
    };
  }
  Handler listen(std::string& host, int& port) {
    return [this, &host, &port](const ConfigValue& v) { endpoint(v, host, port); };
  }
  void endpoint(const ConfigValue& v, std::string& host, int& port);
  void strings(const ConfigValue& v, std::vector<std::string>& out);

  explicit ConfigReader(ConfigFaults& faults) : faults_(faults) {}

  ConfigFaults& faults_;
};

std::string lowered(std::string_view text);

}  // namespace pipit
