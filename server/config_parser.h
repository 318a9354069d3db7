// ConfigParser: the text of a nats-server configuration file -> a tree of values.
//
// The grammar is nats-server's: `key = value`, `key: value` or `key value`; maps, arrays, integers
// with size suffixes, strings, raw blocks in parentheses, includes, variables from enclosing maps
// or the environment. What the tree means is config.cc's business.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "server/config_value.h"

namespace pipit {

class ConfigParser {
 public:
  static constexpr size_t kMaxFile = 16 * 1024 * 1024;
  static constexpr int kMaxDepth = 64;
  static constexpr int kMaxIncludes = 16;  // one inside the other

  // The faults found; the first of a file ends that file.
  explicit ConfigParser(std::vector<std::string>& errors) : errors_(errors) {}

  // False, and at least one error, if the text is no configuration.
  bool parse_file(const std::string& path, ConfigValue& root);
  bool parse_text(std::string_view text, const std::string& name, const std::string& folder,
                  ConfigValue& root);

 private:
  friend class ConfigText;
  std::vector<std::string>& errors_;
  std::vector<ConfigValue*> scopes_;      // enclosing maps, outermost first
  std::vector<std::string> files_;        // being included
  std::vector<std::string> environment_;  // variables being resolved from it
};

}  // namespace pipit
