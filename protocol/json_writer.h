// JsonWriter: the one place that writes JSON. Appends to a string; escapes as Go's encoder does
// ('<', '>', '&', U+2028 and U+2029 become \u escapes), so that outputs compare byte for byte.
//
// Compact or indented by two spaces (monitoring). Keys and values must alternate; a comma is put
// where one is due. Invalid UTF-8 is replaced by U+FFFD, as in Go.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace pipit::proto {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, bool indent = false) : out_(out), indent_(indent) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool b);
  JsonWriter& value(int64_t n);
  JsonWriter& value(uint64_t n);
  JsonWriter& value(int n) { return value(static_cast<int64_t>(n)); }
  JsonWriter& value(uint32_t n) { return value(static_cast<uint64_t>(n)); }
  JsonWriter& value(double d);  // shortest form, as Go's encoder; null if not finite
  JsonWriter& null();
  // A text of base64 with padding, as Go's encoder writes a []byte.
  JsonWriter& base64(std::string_view bytes);

  // key and value in one call; the field(...) of a structure reads as a table.
  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  JsonWriter& begin(char bracket);
  JsonWriter& end(char bracket);
  void separate();
  void newline();
  std::string& out_;
  int depth_ = 0;
  bool indent_;
  bool first_ = true;  // nothing written yet at this depth
  bool after_key_ = false;
};

}  // namespace pipit::proto
